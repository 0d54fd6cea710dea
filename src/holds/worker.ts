import type { Db, Logger } from '../core/index.js'
import { sweep } from './store.js'

const EVERY_MS = 1_000
const MOST = 1_000

/**
 * Takes back what has expired. Whoever finds a resource sold out does so at once for that one; this is for all the others,
 * so that what is shown as free is. Safe to be done by any number of processes at once.
 */
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

  start(): void {
    this.#timer = setInterval(() => this.#tick(), EVERY_MS).unref()
  }

  async sweep(): Promise<void> {
    await sweep(this.#db, MOST)
  }

  #tick(): void {
    this.#running ??= this.sweep()
      .then(() => void (this.#isFailing = false))
      .catch((error: unknown) => {
        if (!this.#isFailing) this.#logger.warn({ err: error }, 'Taking back expired holds failed; it is tried again.')
        this.#isFailing = true
      })
      .then(() => (this.#running = undefined))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }
}
