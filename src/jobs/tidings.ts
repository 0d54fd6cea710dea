import { isHoldfastError, type Db, type Logger } from '../core/index.js'
import { notifyTidings, TIDINGS } from './progress-store.js'

/** A notification carries fewer than 8 000 bytes. */
const MOST_IDS = 300

/**
 * Tells other processes that something happened to a job, and hears it from them: those who watch it look at once, and
 * the worker that runs it ends it when somebody wants that (`!` before the id). Hints, sent after the commit; whoever
 * hears none finds out by looking.
 */
export class Tidings {
  readonly #db: Db
  readonly #logger: Logger
  readonly #onAsked: (ids: readonly string[]) => void
  readonly #hearers = new Map<string, Set<() => void>>()
  readonly #waiting = new Set<string>()
  #sending: Promise<void> | undefined
  #listening: Promise<(() => Promise<void>) | undefined> | undefined
  #listeners = 0

  constructor(db: Db, logger: Logger, onAsked: (ids: readonly string[]) => void) {
    this.#db = db
    this.#logger = logger
    this.#onAsked = onAsked
  }

  /** Hears the others for as long as anybody here wants to; nothing happens where LISTEN leads nowhere. */
  async listen(): Promise<() => Promise<void>> {
    this.#listeners++
    this.#listening ??= this.#startListening()
    try {
      await this.#listening
    } catch (error) {
      this.#listeners--
      this.#listening = undefined
      throw error
    }
    let isOver = false
    return async () => {
      if (isOver) return
      isOver = true
      if (--this.#listeners === 0) await this.#stopListening()
    }
  }

  async #startListening(): Promise<(() => Promise<void>) | undefined> {
    try {
      return await this.#db.listen(TIDINGS, ({ payload, missed }) => this.#hear(payload, missed))
    } catch (error) {
      if (isHoldfastError(error, 'HF_POOLER_LISTEN')) return undefined
      throw error
    }
  }

  async #stopListening(): Promise<void> {
    const listening = this.#listening
    this.#listening = undefined
    const stop = await listening
    await stop?.()
  }

  #hear(payload: string | undefined, missed: boolean): void {
    if (missed) for (const hearers of this.#hearers.values()) for (const hear of hearers) hear()
    const words = payload === undefined || payload === '' ? [] : payload.split(',')
    const asked = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1))
    if (asked.length > 0) this.#onAsked(asked)
    for (const id of words) this.#ring(id)
  }

  #ring(id: string): void {
    for (const hear of this.#hearers.get(id) ?? []) hear()
  }

  /** Calls `hear` when something happens to that job; call the result to stop. */
  subscribe(id: string, hear: () => void): () => void {
    const hearers = this.#hearers.get(id) ?? new Set()
    this.#hearers.set(id, hearers)
    hearers.add(hear)
    return () => {
      hearers.delete(hear)
      if (hearers.size === 0) this.#hearers.delete(id)
    }
  }

  /** Something happened to these jobs, and is committed. */
  tell(ids: readonly string[]): void {
    for (const id of ids) this.#ring(id)
    this.#send(ids)
  }

  /** Somebody wants these to end, and that is committed. */
  ask(ids: readonly string[]): void {
    this.#onAsked(ids)
    this.#send(ids.map((id) => `!${id}`))
  }

  #send(words: readonly string[]): void {
    for (const word of words) this.#waiting.add(word)
    if (this.#waiting.size > 0) this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined))
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const words = [...this.#waiting]
      this.#waiting.clear()
      const payloads: string[] = []
      for (let from = 0; from < words.length; from += MOST_IDS)
        payloads.push(words.slice(from, from + MOST_IDS).join(','))
      try {
        await notifyTidings(this.#db, payloads)
      } catch (error) {
        this.#logger.debug({ err: error }, 'A hint about jobs could not be sent; those concerned find out by looking.')
        return
      }
    }
  }

  async close(): Promise<void> {
    await this.#sending
    if (this.#listeners > 0) await this.#stopListening()
  }
}
