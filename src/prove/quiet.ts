/** Looks instead of milliseconds: on a machine that is busy elsewhere each of them takes longer, and so does patience. */
const QUIET_LOOKS = 125
const LOOK_MS = 40

export interface Quiet {
  /** All is done. */
  isDone: () => boolean | Promise<boolean>
  /** Grows with whatever happens. */
  countMoves: () => number
  signal: AbortSignal
}

/** Until all is done, or until nothing at all has moved for about five seconds: then nothing ever will. */
export async function waitUntilQuiet({ isDone, countMoves, signal }: Quiet): Promise<void> {
  let [moves, looks] = [countMoves(), 0]
  while (looks < QUIET_LOOKS && !(await isDone())) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    looks = moves === countMoves() ? looks + 1 : 0
    moves = countMoves()
  }
}
