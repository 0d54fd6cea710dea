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
  /** An expression that notes which request runs, and gives its number; 0: none. */
  requestExpression: string
}

/** One time that the loop stood still. */
export interface StallReport {
  ms: number
  /** What ran when it was looked at, the innermost first; none: it could not be stopped in time. */
  frames: Frame[]
  /** The number of the request that ran; 0: none, or not known. */
  request: number
  /** The thread was ready to run for so long, and the machine ran something else; undefined: not known here. @unit ms */
  starvedMs: number | undefined
}
