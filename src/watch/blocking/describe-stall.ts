import type { Finding } from '../findings.js'
import { formatMs } from '../words.js'
import type { Frame } from './beat.js'
import { adviseCall } from './advise-call.js'
import { describePlace, describeStack, findPlace, formatPlace } from './place.js'

/** From here on people notice. */
const ACT_MS = 150
/** What remains when the machine's part is taken off; less, and no line is to blame. */
const LEAST_MS = 50

/** One time that the loop stood still. */
export interface Stall {
  ms: number
  /** What ran when it was looked at, the innermost first; none: it could not be stopped in time. */
  frames: readonly Frame[]
  /** What of Node's took the time, where that is known; otherwise the stack tells. */
  call?: string | undefined
  /** The thread was ready to run for so long, and the machine ran something else; undefined: not known here. @unit ms */
  starvedMs: number | undefined
  /** Garbage was collected for so long. @unit ms */
  collectedMs: number
}

/** A stall as a finding: of a line, or of the machine where that did not let the process run. The route is told later. */
export function describeStall({ ms, starvedMs = 0, collectedMs, frames, call }: Stall): Finding | undefined {
  const ownMs = ms - starvedMs - collectedMs
  if (ownMs < LEAST_MS)
    return starvedMs > collectedMs ? describeStarved(ms, starvedMs) : describeCollection(ms, collectedMs)
  const place = findPlace(frames)
  // Nobody's code was there: many short things, or Node's own, such as a collection of garbage.
  if (place.at === undefined && ownMs < ACT_MS) return undefined
  const builtin = call ?? place.builtin
  const through = builtin === undefined ? '' : ` in ${builtin}`
  return {
    kind: 'blocked-loop',
    severity: ownMs >= ACT_MS ? 'act' : 'watch',
    subject: place.at === undefined ? '' : formatPlace(place.at),
    statement: '0',
    route: '',
    sentence: `The event loop stood still for ${formatMs(ms)}${through}: ${describePlace(place)}. Every request of the process waited.`,
    evidence: {
      ms: Math.round(ms),
      starved_ms: Math.round(starvedMs),
      stack: describeStack(frames),
    },
    fix: adviseCall(builtin),
    prove: 'holdfast prove sync-over-async',
  }
}

function describeCollection(ms: number, collectedMs: number): Finding {
  return {
    kind: 'blocked-loop',
    severity: collectedMs >= ACT_MS ? 'act' : 'watch',
    subject: '(garbage collection)',
    statement: '0',
    route: '',
    sentence: `The event loop stood still for ${formatMs(ms)}; for ${formatMs(collectedMs)} of it V8 collected garbage. Every request of the process waited.`,
    evidence: { ms: Math.round(ms), collected_ms: Math.round(collectedMs) },
    fix: 'Keep less in memory (large results, caches without a bound), or split the process; `node --trace-gc` tells of each collection.',
    prove: 'node --trace-gc',
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
