/** Pauses up to this long are spent in memory; a longer one is a row's alone. */
export const SHORT_MS = 1_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The moments that steps of one saga wait for. */
export class Pauses {
  readonly #pauses = new Map<number, () => void>()

  async wait(seq: number, ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.end(seq), Math.min(ms, LONGEST_TIMER_MS))
      this.#pauses.set(seq, () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Before its time, where it still waits. */
  end(seq: number): void {
    const end = this.#pauses.get(seq)
    this.#pauses.delete(seq)
    end?.()
  }

  endAll(): void {
    for (const seq of this.#pauses.keys()) this.end(seq)
  }
}
