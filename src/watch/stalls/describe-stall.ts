import { fileURLToPath } from 'node:url'
import type { Finding } from '../findings.js'
import { formatMs } from '../words.js'
import type { Frame, StallReport } from './beat.js'

/** From here on people notice. */
const ACT_MS = 150
const ownFolder = fileURLToPath(new URL('../..', import.meta.url))

/** Where it stood still: the line that ran, the application's line that led there, and what of Node's it called. */
interface Place {
  at: Frame | undefined
  from: Frame | undefined
  builtin: string | undefined
}

/** A stall as a finding: of a line, or of the machine where that did not let the process run. */
export function describeStall(stall: StallReport): Finding {
  const { ms, starvedMs, route } = stall
  if (starvedMs !== undefined && starvedMs >= ms / 2) return describeStarved(ms, starvedMs, route)
  const place = findPlace(stall.frames)
  const where = place.at === undefined ? 'no line could be read' : formatFrame(place.at)
  const led = place.from === undefined || place.from === place.at ? '' : `, called by ${formatFrame(place.from)}`
  const through = place.builtin === undefined ? '' : ` in ${place.builtin}`
  return {
    kind: 'blocked-loop',
    severity: ms >= ACT_MS ? 'act' : 'watch',
    subject: place.at === undefined ? '' : formatPlace(place.at),
    statement: '0',
    route,
    sentence: `The event loop stood still for ${formatMs(ms)}${through}: ${where}${led}. Every request of the process waited.`,
    evidence: {
      ms: Math.round(ms),
      starved_ms: starvedMs === undefined ? null : Math.round(starvedMs),
      stack: stall.frames.filter(isUsers).slice(0, 5).map(formatFrame),
    },
    fix: adviseStall(place.builtin),
    prove: 'node --cpu-prof',
  }
}

function describeStarved(ms: number, starvedMs: number, route: string): Finding {
  return {
    kind: 'starved-machine',
    severity: 'watch',
    subject: '',
    statement: '0',
    route,
    sentence: `The event loop stood still for ${formatMs(ms)}; for ${formatMs(starvedMs)} of it the machine ran something else.`,
    evidence: { ms: Math.round(ms), starved_ms: Math.round(starvedMs) },
    fix: 'Give the process more CPU (a container’s limit, or fewer neighbours); no line of it is to blame.',
    prove: 'cat /proc/pressure/cpu',
  }
}

function findPlace(frames: readonly Frame[]): Place {
  const users = frames.filter(isUsers)
  const [at] = users
  const innermost = at === undefined ? frames : frames.slice(0, frames.indexOf(at))
  return {
    at,
    from: users.find(({ url }) => !url.includes('/node_modules/')),
    // The last of Node's frames before the application's is what it called.
    builtin: innermost.findLast(({ name }) => name !== '')?.name,
  }
}

function isUsers({ url }: Frame): boolean {
  return url !== '' && !url.startsWith('node:') && !toPath(url).startsWith(ownFolder)
}

function adviseStall(builtin: string | undefined): string {
  if (builtin?.endsWith('Sync') === true)
    return `Call \`${builtin.slice(0, -4)}\` and await it; where the work is the CPU’s, do it in a worker thread.`
  return 'Do it in a worker thread, or in pieces with `await setImmediate()` of node:timers/promises between them.'
}

function formatFrame(frame: Frame): string {
  return frame.name === '' ? formatPlace(frame) : `${frame.name} (${formatPlace(frame)})`
}

function formatPlace({ url, line }: Frame): string {
  return `${toPath(url).replace(`${process.cwd()}/`, '')}:${line}`
}

/** Of CommonJS it is a path already. */
function toPath(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url
}
