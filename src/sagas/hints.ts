import { setTimeout as sleep } from 'node:timers/promises'
import { isHoldfastError, type Db, type Logger, type Queryable } from '../core/index.js'
import { CHANNEL, notify } from './store.js'

/** The first hint leaves at once; those of a stream of them share one in this time. */
const GAP_MS = 10
/** As many as one notification surely holds. */
const MOST_IDS = 40

const format = (id: string, what: string): string => `${what} ${what === 'start' ? '' : id}`

/** One hint of a process that listens to none: a command, the dashboard. */
export async function sendHint(db: Pick<Queryable, 'query'>, id: string, what: string): Promise<void> {
  // What it tells of is committed: workers find it by polling too.
  await notify(db, format(id, what)).catch(() => {})
}

/**
 * Tells the workers of all processes that there is something due, or something new for a saga that they have. A hint after
 * the commit: polling alone suffices.
 */
export class Hints {
  readonly #db: Db
  readonly #logger: Logger
  readonly #hear: (id: string, what: string) => void
  readonly #told = new Map<string, string>()
  readonly #closing = new AbortController()
  #sending: Promise<void> | undefined
  #listening: Promise<(() => Promise<void>) | undefined> | undefined

  constructor(db: Db, logger: Logger, hear: (id: string, what: string) => void) {
    this.#db = db
    this.#logger = logger
    this.#hear = hear
  }

  async listen(): Promise<void> {
    this.#listening ??= this.#listen()
    await this.#listening
  }

  /** Undefined where LISTEN leads nowhere. */
  async #listen(): Promise<(() => Promise<void>) | undefined> {
    try {
      return await this.#db.listen(CHANNEL, ({ payload, missed }) => {
        if (missed) return this.#hear('', 'start')
        for (const part of payload.split('\n')) {
          const [what = '', id = ''] = part.split(' ', 2)
          this.#hear(id, what)
        }
      })
    } catch (error) {
      if (isHoldfastError(error, 'HF_POOLER_LISTEN')) return undefined
      throw error
    }
  }

  tell(id: string, what: string): void {
    this.#hear(id, what)
    this.#told.set(what === 'start' ? '' : id, what)
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined))
  }

  async #send(): Promise<void> {
    while (this.#told.size > 0) {
      const parts = [...this.#told].slice(0, MOST_IDS)
      for (const [id] of parts) this.#told.delete(id)
      try {
        await notify(this.#db, parts.map(([id, what]) => format(id, what)).join('\n'))
      } catch (error) {
        this.#logger.debug({ err: error }, 'A hint about sagas could not be sent; they are found by polling.')
        return
      }
      await sleep(GAP_MS, undefined, { ref: false, signal: this.#closing.signal }).catch(() => {})
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#sending
    await (
      await this.#listening
    )?.()
  }
}
