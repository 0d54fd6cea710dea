import { isHoldfastError, readSqlstate, type Db, type Queryable } from '../core/index.js'
import type { Backend, Guarded, Hints, Joined } from './backend.js'
import * as store from './store.js'

const UNKNOWN_OWNER = 'HF021'

/** The queues are tables of the database, and hints are its notifications, on a channel of each process. */
export class PostgresBackend implements Backend {
  readonly #db: Db
  /** Parsing and planning cost as much as the rest of a lone request. */
  readonly #isPrepared: boolean

  constructor(db: Db) {
    this.#db = db
    this.#isPrepared = db.server.pooler === 'none'
  }

  async join(name: string, hints: Hints): Promise<Joined> {
    const owner = await store.addOwner(this.#db, name)
    const stop = await this.#listen(owner, hints)
    return {
      owner,
      hasHints: stop !== undefined,
      leave: async () => {
        await stop?.()
        await store.removeOwner(this.#db, owner).catch(() => {})
      },
    }
  }

  /** Undefined: behind a pooler that LISTEN does not get through. */
  async #listen(owner: string, hints: Hints): Promise<(() => Promise<void>) | undefined> {
    try {
      return await this.#db.listen(`holdfast_locks_${owner}`, ({ payload, missed }) => {
        const [what, ticket = '', fence = ''] = payload.split(':')
        if (missed) hints.missed()
        else if (what === 'look') hints.look(ticket)
        else if (what === 'held') hints.held(ticket, fence)
      })
    } catch (error) {
      if (!isHoldfastError(error, 'HF_POOLER_LISTEN')) throw error
      return undefined
    }
  }

  async request(owner: string, records: readonly store.RequestRecord[], flight: number): Promise<store.RequestRow[]> {
    return await store.request(this.#db, owner, records, flight, this.#isPrepared)
  }

  async release(owner: string, tickets: readonly string[]): Promise<string[]> {
    return await store.release(this.#db, owner, tickets, this.#isPrepared)
  }

  async beat(owner: string, heartbeat: store.Heartbeat): Promise<string[]> {
    return await store.beat(this.#db, owner, heartbeat)
  }

  async look(owner: string, tickets: readonly string[]): Promise<store.LookRow[]> {
    return await store.look(this.#db, owner, tickets)
  }

  async findCircle(ticket: string): Promise<string[] | null> {
    return await store.findCircle(this.#db, ticket)
  }

  async guard(tx: Queryable, { ticket, fence }: Guarded): Promise<void> {
    await store.guard(tx, ticket, fence)
  }

  async list(key: string | null, most: number): Promise<store.OverviewRow[]> {
    return await store.listAll(this.#db, key, most)
  }

  async sweep(most: number): Promise<void> {
    await store.sweep(this.#db, most)
  }

  isUnknown(error: unknown): boolean {
    return readSqlstate(error) === UNKNOWN_OWNER
  }
}
