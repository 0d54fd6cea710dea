import type { Patience } from './store.js'

/** A query waits no longer than this, whatever is left of the whole. */
const MOST_MS = 10_000

/** The patience of a whole autopsy: what cannot be read by then is missing, and unknown. */
export class Reader {
  readonly missing: string[] = []
  readonly #until: number
  readonly #signal: AbortSignal | undefined

  constructor(deadlineMs: number, signal: AbortSignal | undefined) {
    this.#until = performance.now() + deadlineMs
    this.#signal = signal
  }

  /** For one query. */
  patience(): Patience {
    this.#signal?.throwIfAborted()
    const deadlineMs = Math.min(MOST_MS, Math.max(1, Math.ceil(this.#until - performance.now())))
    return this.#signal ? { deadlineMs, signal: this.#signal } : { deadlineMs }
  }

  /** Undefined, and named among what is missing, where it cannot be had: a table that is not there, or no time left. */
  async attempt<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read()
    } catch (error) {
      if (this.#signal?.aborted) throw error
      if (!this.missing.includes(what)) this.missing.push(what)
      return undefined
    }
  }

  /** Of somebody else's work, which may not know of a deadline. */
  async bound<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const leftMs = Math.max(1, this.#until - performance.now())
      timer = setTimeout(() => reject(new Error('There is no time left.')), leftMs)
    })
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }
}
