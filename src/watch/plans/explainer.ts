import type { Client } from 'pg'
import { readSqlstate } from '../../core/index.js'
import type { Facts } from './plan-types.js'
import type { Setting } from './session-settings.js'
import { toShape } from './shape.js'
import type { PlanShape } from './plan-types.js'
import { explain, explainGeneric, readFacts } from './store.js'

/** Nobody needs it for so long: the connection is given back. */
const IDLE_MS = 60_000
const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000

/** Asks the planner, on a connection beside the application's, of the same user. */
export class Explainer {
  readonly #connectAside: () => Client
  #client: Client | undefined
  #idle: NodeJS.Timeout | undefined
  #retryMs = FIRST_RETRY_MS
  #notBefore = 0

  constructor(connectAside: () => Client) {
    this.#connectAside = connectAside
  }

  /** A database that is away is not asked again at once. */
  get isAway(): boolean {
    return performance.now() < this.#notBefore
  }

  async explain(
    text: string,
    values: readonly unknown[] | undefined,
    settings: readonly Setting[],
  ): Promise<PlanShape> {
    return toShape(await this.ask(async (client) => await explain(client, text, values, settings)))
  }

  async explainGeneric(text: string, amount: number, settings: readonly Setting[]): Promise<PlanShape> {
    return toShape(await this.ask(async (client) => await explainGeneric(client, text, amount, settings)))
  }

  async readFacts(shape: PlanShape): Promise<Facts> {
    const relations = [...new Set(shape.accesses.map(({ relation }) => relation))]
    return await this.ask(async (client) => await readFacts(client, relations))
  }

  async ask<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.#open()
    try {
      return await work(client)
    } catch (error) {
      // The server answered: the connection is sound.
      if (readSqlstate(error) === undefined) this.#drop()
      throw error
    } finally {
      this.#idle?.refresh()
    }
  }

  async #open(): Promise<Client> {
    if (this.#client) return this.#client
    try {
      // A pooler in transaction mode will do: all that is asked is in one transaction.
      const client = this.#connectAside()
      client.on('error', () => this.#drop())
      await client.connect()
      // A process that has nothing else to do may end.
      letGo(client)
      this.#client = client
      this.#idle = setTimeout(() => this.#drop(), IDLE_MS).unref()
      this.#retryMs = FIRST_RETRY_MS
      return client
    } catch (error) {
      this.#notBefore = performance.now() + this.#retryMs
      this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2)
      throw error
    }
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    clearTimeout(this.#idle)
    void client?.end().catch(() => undefined)
  }

  /** Whoever waits for what is under way keeps the process alive. */
  hold(): void {
    if (this.#client) hold(this.#client)
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    clearTimeout(this.#idle)
    if (client) hold(client)
    await client?.end().catch(() => undefined)
  }
}

/** What a client of node-postgres has, and its types do not know. */
type Held = { ref?: () => void; unref?: () => void }
const letGo = (client: Client): void => (client as Held).unref?.()
const hold = (client: Client): void => (client as Held).ref?.()
