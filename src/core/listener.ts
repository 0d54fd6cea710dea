import type { Client, Pool } from 'pg'
import { createDirectClient, watchClient } from './driver.js'
import { coreError } from './error-table.js'
import { isHoldfastError } from './errors.js'
import { refuseTransactionPooler } from './pooler.js'
import type { Logger, Notification } from './types.js'

const CONNECT_MS = 5_000
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

type Handler = (event: Notification) => void

/** Hears NOTIFY for a whole process on one direct connection, made at the first `listen` and again whenever it drops. */
export class Listener {
  readonly #directUrl: string | undefined
  readonly #pool: Pool
  readonly #logger: Logger
  readonly #handlers = new Map<string, Set<Handler>>()
  #client: Promise<Client> | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(directUrl: string | undefined, pool: Pool, logger: Logger) {
    this.#directUrl = directUrl
    this.#pool = pool
    this.#logger = logger
  }

  async listen(channel: string, handler: Handler): Promise<() => Promise<void>> {
    const bytes = Buffer.byteLength(channel)
    if (bytes === 0 || bytes > 63) {
      throw coreError('HF_LISTEN_CHANNEL_INVALID', `A channel name has 1 to 63 bytes, this one has ${bytes}.`)
    }
    if (this.#isClosed) throw coreError('HF_POOL_CLOSED', 'listen() was called after close().')
    const handlers = this.#handlers.get(channel) ?? new Set()
    this.#handlers.set(channel, handlers.add(handler))
    try {
      const client = await (this.#client ??= this.#open())
      await client.query(`listen ${quote(channel)}`)
    } catch (error) {
      await this.#forget(channel, handler)
      throw error
    }
    return async () => await this.#forget(channel, handler)
  }

  async #forget(channel: string, handler: Handler): Promise<void> {
    const handlers = this.#handlers.get(channel)
    handlers?.delete(handler)
    if (handlers === undefined || handlers.size > 0) return
    this.#handlers.delete(channel)
    const client = await this.#client?.catch(() => undefined)
    // A connection that broke in between has forgotten the channel by itself.
    await client?.query(`unlisten ${quote(channel)}`).catch(() => {})
  }

  /** One that is the caller's own, on the same way as LISTEN goes. */
  async connectDirect(): Promise<Client> {
    if (this.#isClosed) throw coreError('HF_POOL_CLOSED', 'connectDirect() was called after close().')
    return await this.#connect('session')
  }

  async #connect(work: 'listen' | 'session'): Promise<Client> {
    const create = (queryMs?: number) => createDirectClient(this.#directUrl, this.#pool, CONNECT_MS, queryMs)
    const client = create()
    watchClient(client)
    try {
      await client.connect()
      // Asked each time: a reconnect may be led elsewhere than the connection before.
      await refuseTransactionPooler(client, work, create)
      return client
    } catch (error) {
      await client.end().catch(() => {})
      throw error
    }
  }

  async #open(): Promise<Client> {
    const client = await this.#connect('listen').catch((error: unknown) => {
      this.#client = undefined
      throw error
    })
    client.on('notification', ({ channel, payload = '' }) => this.#tell(channel, { payload, missed: false }))
    client.on('end', () => this.#scheduleReopen(client))
    return client
  }

  #scheduleReopen(dropped: Client): void {
    dropped.removeAllListeners('notification')
    if (this.#isClosed || this.#retry !== undefined || this.#handlers.size === 0) return
    this.#client = undefined
    this.#logger.warn({ channels: this.#handlers.size }, 'The LISTEN connection dropped; it is being made again.')
    this.#reopenIn(FIRST_RETRY_MS)
  }

  #reopenIn(ms: number): void {
    this.#retry = setTimeout(() => void this.#reopen(ms), ms * (0.5 + Math.random() / 2))
  }

  async #reopen(waitedMs: number): Promise<void> {
    const opening = (this.#client ??= this.#open())
    try {
      const client = await opening
      for (const channel of this.#handlers.keys()) await client.query(`listen ${quote(channel)}`)
      this.#retry = undefined
      for (const channel of this.#handlers.keys()) this.#tell(channel, { payload: '', missed: true })
    } catch (error) {
      this.#client = undefined
      if (isHoldfastError(error)) this.#logger.error({ err: error }, error.message)
      if (!this.#isClosed) this.#reopenIn(Math.min(LAST_RETRY_MS, waitedMs * 2))
    }
  }

  #tell(channel: string, event: Notification): void {
    for (const handler of this.#handlers.get(channel) ?? []) {
      try {
        handler(event)
      } catch (error) {
        this.#logger.error({ err: error, channel }, 'A listen handler threw.')
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    const client = await this.#client?.catch(() => undefined)
    await client?.end().catch(() => {})
  }
}

function quote(channel: string): string {
  return `"${channel.replaceAll('"', '""')}"`
}
