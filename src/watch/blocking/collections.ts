import { PerformanceObserver } from 'node:perf_hooks'

/** Shorter ones make no stall. */
const LONG_MS = 20
const KEPT = 16
/** The observer is told so long after, at the latest. */
export const TOLD_AFTER_MS = 30

/** Collections of garbage that stopped everything for long: whoever ran then is not to blame. Costs some 0.1 ms for each collection. */
export class Collections {
  readonly #kept: { from: number; until: number }[] = []
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      if (duration < LONG_MS) continue
      if (this.#kept.length >= KEPT) this.#kept.shift()
      this.#kept.push({ from: startTime, until: startTime + duration })
    }
  })

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  /** Between two moments of `performance.now()`. @unit ms */
  sumMs(from: number, until: number): number {
    return this.#kept.reduce(
      (sum, each) => sum + Math.max(0, Math.min(until, each.until) - Math.max(from, each.from)),
      0,
    )
  }

  close(): void {
    this.#observer.disconnect()
  }
}
