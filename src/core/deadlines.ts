/** How late a deadline of a second or more may be noticed. */
const TICK_MS = 100
const SHORT_MS = 1_000

interface Entry {
  endsAt: number
  expire: () => void
}

/** Stops watching; to be called when the work ended in time. */
export type Disarm = () => void

/**
 * Deadlines of everything in flight. Nearly all work ends long before its deadline, and a timer of its own for each
 * statement was a tenth of a transaction's CPU: long deadlines share one ticking timer, short ones keep an exact timer.
 */
export class Deadlines {
  readonly #entries = new Set<Entry>()
  #ticker: NodeJS.Timeout | undefined

  /** Calls `expire` once `ms` have passed, unless disarmed before. 0: never. */
  arm(ms: number, expire: () => void): Disarm {
    if (ms === 0 || ms === Infinity) return doNothing
    if (ms < SHORT_MS) {
      const timer = setTimeout(expire, ms)
      return () => clearTimeout(timer)
    }
    const entry = { endsAt: performance.now() + ms, expire }
    this.#entries.add(entry)
    // Kept once started: starting and stopping it with every statement would cost what it saves.
    this.#ticker ??= setInterval(() => this.#tick(), TICK_MS).unref()
    return () => void this.#entries.delete(entry)
  }

  #tick(): void {
    if (this.#entries.size === 0) return
    const now = performance.now()
    for (const entry of this.#entries) {
      if (entry.endsAt > now) continue
      this.#entries.delete(entry)
      entry.expire()
    }
  }

  close(): void {
    clearInterval(this.#ticker)
    this.#ticker = undefined
  }
}

function doNothing(): void {}
