import type { Db, Logger } from '../core/index.js'
import { sweep } from './store.js'

const EVERY_MS = 60_000
const MOST = 1_000

/** Deletes answers that have expired, a batch at a time. Safe to be done by any number of processes at once. */
export class Sweeper {
  readonly #db: Db
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isFailing = false

  constructor(db: Db, logger: Logger) {
    this.#db = db
    this.#logger = logger
  }

  /** From the first answer on that is stored; does nothing when it runs. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), EVERY_MS).unref()
  }

  /** Everything that has expired, now; gives how many. */
  async sweep(): Promise<number> {
    let all = 0
    for (let some = MOST; some === MOST; all += some) some = await sweep(this.#db, MOST)
    return all
  }

  #tick(): void {
    this.#running ??= this.sweep()
      .then(() => void (this.#isFailing = false))
      .catch((error: unknown) => {
        if (!this.#isFailing) this.#logger.warn({ err: error }, 'Deleting expired answers failed; it is tried again.')
        this.#isFailing = true
      })
      .then(() => (this.#running = undefined))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }
}
