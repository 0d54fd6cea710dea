const WINDOW_MS = 1_000

/** How many requests of whom were begun in the last second or two. */
export class RecentUse {
  #current = new Map<string, number>()
  #previous = new Map<string, number>()
  #since = 0

  add(key: string, now: number): void {
    if (now - this.#since >= WINDOW_MS) {
      this.#previous = this.#current
      this.#current = new Map()
      this.#since = now
    }
    this.#current.set(key, (this.#current.get(key) ?? 0) + 1)
  }

  of(key: string): number {
    return (this.#current.get(key) ?? 0) + (this.#previous.get(key) ?? 0)
  }
}
