import { setTimeout as sleep } from 'node:timers/promises'

/** How long something may still be waited for. */
export interface Patience {
  /** On the clock of `performance.now()`: a clock that is set back must not lengthen a wait. */
  endsAt: number
  signal?: AbortSignal | undefined
}

export function beginPatience(ms: number, signal?: AbortSignal): Patience {
  return { endsAt: performance.now() + ms, signal }
}

/** The same end, or `ms` from now if that is sooner. */
export function limitPatience(patience: Patience, ms: number): Patience {
  return { ...patience, endsAt: Math.min(patience.endsAt, performance.now() + ms) }
}

export function countRemainingMs(patience: Patience): number {
  return Math.max(0, Math.ceil(patience.endsAt - performance.now()))
}

/** Looks until there is an answer; undefined when patience ended first. Throws the signal's reason when aborted. */
export async function pollUntil<T>(
  look: () => Promise<T | undefined>,
  patience: Patience,
  intervalMs = 10,
): Promise<T | undefined> {
  for (;;) {
    patience.signal?.throwIfAborted()
    const answer = await look()
    if (answer !== undefined) return answer
    if (countRemainingMs(patience) === 0) return undefined
    await sleep(intervalMs, undefined, { signal: patience.signal })
  }
}
