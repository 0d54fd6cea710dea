import { setTimeout as sleep } from 'node:timers/promises'
import { isHoldfastError, type Db, type Logger } from '../core/index.js'
import { CHANNEL, notifyLanes } from './store.js'

/** The first hint leaves at once; others see the jobs of a stream of sends within this time. */
const GAP_MS = 10

/**
 * Tells workers that there may be jobs: those of this process at once, the others by a NOTIFY after the commit, or with the
 * one of a lone send; never in the user's transaction (there it takes a lock that all commits of the server share, for as
 * long as the commit takes). A hint: polling alone suffices.
 */
export class WakeUps {
  readonly #db: Db
  readonly #logger: Logger
  readonly #wakeOwn: () => boolean
  readonly #lanes = new Set<number>()
  readonly #closing = new AbortController()
  #sending: Promise<void> | undefined

  constructor(db: Db, logger: Logger, wakeOwn: () => boolean) {
    this.#db = db
    this.#logger = logger
    this.#wakeOwn = wakeOwn
  }

  /** Hears the others; undefined where LISTEN leads nowhere. */
  async listen(): Promise<(() => Promise<void>) | undefined> {
    try {
      return await this.#db.listen(CHANNEL, () => void this.#wakeOwn())
    } catch (error) {
      if (isHoldfastError(error, 'HF_POOLER_LISTEN')) return undefined
      throw error
    }
  }

  tell(lanes: readonly number[]): void {
    this.#wakeOwn()
    for (const lane of lanes) this.#lanes.add(lane)
    if (this.#lanes.size > 0) this.#sending ??= this.#send().finally(() => (this.#sending = undefined))
  }

  /**
   * For a send that is a statement of its own, and so a commit of its own: true when its hint is due and can travel in
   * that statement, which spares the first one of a while a round trip. Whoever says so sends it.
   */
  takeTurn(): boolean {
    if (this.#sending !== undefined) return false
    this.#sending = this.#rest()
      .then(async () => await this.#send())
      .finally(() => (this.#sending = undefined))
    return true
  }

  /** The workers of this process, where the others have been told. */
  tellOwn(): void {
    this.#wakeOwn()
  }

  /** A NOTIFY for each of thousands of commits a second would cost more than they do. Closing sends what is left. */
  async #rest(): Promise<void> {
    await sleep(GAP_MS, undefined, { ref: false, signal: this.#closing.signal }).catch(() => {})
  }

  async #send(): Promise<void> {
    while (this.#lanes.size > 0) {
      const lanes = [...this.#lanes].join(',')
      this.#lanes.clear()
      try {
        await notifyLanes(this.#db, lanes)
      } catch (error) {
        this.#logger.debug({ err: error }, 'A hint about new jobs could not be sent; workers find them by polling.')
        return
      }
      await this.#rest()
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#sending
  }
}
