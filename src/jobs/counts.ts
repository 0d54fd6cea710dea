import { isHoldfastError, type Db } from '../core/index.js'
import { addCounts, type CountDelta } from './store.js'

const FLUSH_MS = 1_000

export type Happening = 'sent' | 'succeeded' | 'failed' | 'died'

/** What happened to jobs in this process since it was last written down; every process adds its share to the same rows. */
export class Counts {
  readonly #db: Db
  readonly #queues = new Map<number, CountDelta>()
  readonly #timer: NodeJS.Timeout
  #flushing: Promise<void> | undefined

  constructor(db: Db) {
    this.#db = db
    this.#timer = setInterval(() => void this.flush().catch(() => {}), FLUSH_MS).unref()
  }

  add(lane: number, what: Happening, amount = 1): void {
    const queue = lane >> 2
    let delta = this.#queues.get(queue)
    if (delta === undefined) {
      delta = { queue, sent: 0, succeeded: 0, failed: 0, died: 0 }
      this.#queues.set(queue, delta)
    }
    delta[what] += amount
  }

  async flush(): Promise<void> {
    await this.#flushing?.catch(() => {})
    if (this.#queues.size === 0) return
    const deltas = [...this.#queues.values()]
    this.#queues.clear()
    this.#flushing = this.#write(deltas).finally(() => (this.#flushing = undefined))
    await this.#flushing
  }

  async #write(deltas: readonly CountDelta[]): Promise<void> {
    try {
      await addCounts(this.#db, deltas)
    } catch (error) {
      // Once more with the next ones; what may have been written already is rather missed than counted twice.
      if (!isHoldfastError(error, 'HF_TX_OUTCOME_UNKNOWN')) for (const delta of deltas) this.#restore(delta)
      throw error
    }
  }

  #restore({ queue, ...amounts }: CountDelta): void {
    for (const what of ['sent', 'succeeded', 'failed', 'died'] as const) this.add(queue << 2, what, amounts[what])
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush().catch(() => {})
  }
}
