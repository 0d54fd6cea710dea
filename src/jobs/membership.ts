import { hostname } from 'node:os'
import { isHoldfastError, type Db } from '../core/index.js'
import { addWorker, lockWorkerText, removeWorker, renewWorker } from './store.js'

/**
 * A worker's place among the others: a row that it renews, and where the database can be reached directly an advisory
 * lock on a connection of its own. The lock's end tells the others at once that the process is gone; the row's lease
 * does it where there is no such connection, or where the process lives and does nothing.
 */
export class Membership {
  readonly id: string
  readonly #db: Db
  readonly #onLost: (error?: unknown) => void
  #session: { end(): Promise<void> } | undefined
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  private constructor(db: Db, id: string, onLost: (error?: unknown) => void) {
    this.#db = db
    this.id = id
    this.#onLost = onLost
  }

  static async join(db: Db, leaseMs: number, onLost: (error?: unknown) => void): Promise<Membership> {
    const id = await addWorker(db, `${hostname()}:${process.pid}`, leaseMs)
    const membership = new Membership(db, id, onLost)
    await membership.#openSession()
    membership.#timer = setInterval(() => void membership.#renew(), leaseMs / 3)
    return membership
  }

  async #openSession(): Promise<void> {
    let client
    try {
      client = await this.#db.connectDirect()
    } catch (error) {
      // Through a pooler no session is ours: the lease alone tells whether this worker lives.
      if (isHoldfastError(error, 'HF_POOLER_SESSION')) return
      throw error
    }
    client.on('end', () => this.#lose())
    this.#session = client
    await client.query(lockWorkerText, [this.id])
    if (!(await renewWorker(this.#db, this.id, true))) this.#lose()
  }

  async #renew(): Promise<void> {
    try {
      const isKnown = await renewWorker(this.#db, this.id, this.#session !== undefined)
      if (!isKnown) this.#lose()
    } catch (error) {
      // Out of reach: the lease goes on running out, and the next beat tries again. A connection that broke may mean
      // that the server crashed, and with it claims that were committed asynchronously.
      if (isHoldfastError(error, 'HF_POOL_TIMEOUT')) return
      this.#lose(error)
    }
  }

  #lose(error?: unknown): void {
    if (this.#isOver) return
    this.#onLost(error)
  }

  /** Leaves without a word: the others take over what is still in its name. */
  async abandon(): Promise<void> {
    this.#isOver = true
    clearInterval(this.#timer)
    await this.#session?.end().catch(() => {})
  }

  async leave(): Promise<void> {
    this.#isOver = true
    clearInterval(this.#timer)
    await removeWorker(this.#db, this.id).catch(() => {})
    await this.#session?.end().catch(() => {})
  }
}
