import type { Finding } from '../findings.js'
import { formatMs } from '../words.js'
import type { StallReport } from './beat.js'
import { adviseCall } from './advise-call.js'
import { describePlace, describeStack, findPlace, formatPlace } from './place.js'

/** From here on people notice. */
const ACT_MS = 150

/** A stall as a finding: of a line, or of the machine where that did not let the process run. The route is told later. */
export function describeStall(stall: Omit<StallReport, 'request'>): Finding {
  const { ms, starvedMs, frames } = stall
  if (starvedMs !== undefined && starvedMs >= ms / 2) return describeStarved(ms, starvedMs)
  const place = findPlace(frames)
  const through = place.builtin === undefined ? '' : ` in ${place.builtin}`
  return {
    kind: 'blocked-loop',
    severity: ms >= ACT_MS ? 'act' : 'watch',
    subject: place.at === undefined ? '' : formatPlace(place.at),
    statement: '0',
    route: '',
    sentence: `The event loop stood still for ${formatMs(ms)}${through}: ${describePlace(place)}. Every request of the process waited.`,
    evidence: {
      ms: Math.round(ms),
      starved_ms: starvedMs === undefined ? null : Math.round(starvedMs),
      stack: describeStack(frames),
    },
    fix: adviseCall(place.builtin),
    prove: 'holdfast prove sync-over-async',
  }
}

function describeStarved(ms: number, starvedMs: number): Finding {
  return {
    kind: 'starved-machine',
    severity: 'watch',
    subject: '',
    statement: '0',
    route: '',
    sentence: `The event loop stood still for ${formatMs(ms)}; for ${formatMs(starvedMs)} of it the machine ran something else.`,
    evidence: { ms: Math.round(ms), starved_ms: Math.round(starvedMs) },
    fix: 'Give the process more CPU (a container’s limit, or fewer neighbours); no line of it is to blame.',
    prove: 'cat /proc/pressure/cpu',
  }
}
