import type { ClientState } from './types.js'

/** So many are remembered; whoever came longest ago is forgotten first. */
const MOST_CLIENTS = 1_000
const SHOWN = 10

interface Counts {
  admitted: number
  shed: number
}

/** What became of whose requests. */
export class Clients {
  readonly #counts = new Map<string, Counts>()

  of(key: string): Counts {
    let counts = this.#counts.get(key)
    if (counts !== undefined) return counts
    if (this.#counts.size >= MOST_CLIENTS) this.#forgetOne()
    this.#counts.set(key, (counts = { admitted: 0, shed: 0 }))
    return counts
  }

  /** Those who were refused most, then those who were admitted most. */
  listTop(queuedOf: (key: string) => number): ClientState[] {
    return [...this.#counts]
      .map(([key, counts]) => ({ key, queued: queuedOf(key), ...counts }))
      .toSorted((a, b) => b.shed - a.shed || b.admitted - a.admitted)
      .slice(0, SHOWN)
  }

  #forgetOne(): void {
    for (const key of this.#counts.keys()) return void this.#counts.delete(key)
  }
}
