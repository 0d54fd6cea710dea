/** Cells of the memory that both threads share. */
export const BEATS = 0
/** Requests are under way: only then a loop that stands still keeps somebody waiting. */
export const IS_BUSY = 1
/** The other thread sleeps, and has to be woken up. */
export const SLEEPS = 2
export const CELLS = 3

export interface Frame {
  /** As V8 knows it; `''`: has no name. */
  name: string
  url: string
  /** From 1. */
  line: number
  column: number
}

export interface WatchdogStart {
  cells: SharedArrayBuffer
  /** A loop that does not turn for so long is looked at. @unit ms */
  lookAfterMs: number
  /** Shorter ones are not told. @unit ms */
  leastMs: number
  /** The name of the function that is called in the main thread, with the beats that were counted: it gives a look's number. */
  lookSymbol: string
}

/** The loop stood still, as the thread beside it knows. */
export interface StillReport {
  ms: number
  /** On the clock of all threads (`timeOrigin` with it). @unit ms */
  until: number
  /** The number of the look; 0: it came too late. */
  look: number
  /** The main thread was ready to run for so long, and the machine ran something else; undefined: not known here. @unit ms */
  starvedMs: number | undefined
}
