const PROBE_MS = 10

let lateMs = 0
let dueAt = 0
let users = 0
let timer: NodeJS.Timeout | undefined

type BeatListener = (isBusy: boolean) => void

const listeners = new Set<BeatListener>()

/** Hears each time that the loop turns while requests are under way (every 10 ms), and when the last one has ended. */
export function hearBeats(listener: BeatListener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

const steppers = new Set<() => void>()

/** Hears of each request that begins or ends: code that runs for long does neither meanwhile. */
export function hearSteps(stepper: () => void): () => void {
  steppers.add(stepper)
  return () => void steppers.delete(stepper)
}

function step(): void {
  for (const stepper of steppers) stepper()
}

function beat(isBusy: boolean): void {
  for (const listener of listeners) listener(isBusy)
}

/**
 * How late the event loop has been, all in all: what a timer of 10 ms was late by, one after the other. Of two readings
 * the difference is what the loop was late by between them; a stall of less than 10 ms may be missed, or told shorter.
 */
function readLateness(): number {
  return users === 0 ? lateMs : lateMs + Math.max(0, performance.now() - dueAt)
}

/** Somebody is under way, and gets the reading; an idle process is not woken up. */
export function enterLateness(): number {
  step()
  if (users++ > 0) return readLateness()
  dueAt = performance.now() + PROBE_MS
  beat(true)
  if (timer) timer.refresh()
  else timer = setTimeout(probe, PROBE_MS).unref()
  return lateMs
}

/** What came to it since that reading. */
export function leaveLateness(reading: number): number {
  step()
  const late = readLateness()
  if (--users === 0) {
    lateMs = late
    beat(false)
  }
  return late - reading
}

function probe(): void {
  if (users === 0) return
  const now = performance.now()
  lateMs += Math.max(0, now - dueAt)
  dueAt = now + PROBE_MS
  beat(true)
  timer?.refresh()
}
