import { runOutside } from '../../core/early.js'
import type { Queryable } from '../../core/index.js'
import { readTables, type TableInfo } from './store.js'

/** Keys are made and dropped while we watch. */
const KEEP_MS = 600_000
const MOST_TABLES = 2_000
const MOST_WANTED = 100
/** Between two look-ups: a user's connection is taken for each. */
const REST_MS = 1_000

const unknown: TableInfo = { name: undefined, keys: [] }

interface Entry {
  table: TableInfo
  until: number
}

export interface TableBookParts {
  /** Undefined: nothing can be looked up, and no key is known. */
  db: Pick<Queryable, 'query'> | undefined
  now: () => number
}

/** Names and keys of tables by oid, looked up when they are first asked for: one statement at a time, for all that wait. */
export class TableBook {
  readonly #parts: TableBookParts
  readonly #known = new Map<number, Entry>()
  readonly #wanted = new Set<number>()
  #running: Promise<void> | undefined
  #isClosed = false

  constructor(parts: TableBookParts) {
    this.#parts = parts
  }

  /** Undefined: being looked up. */
  find(oid: number): TableInfo | undefined {
    if (this.#parts.db === undefined || oid === 0) return unknown
    const entry = this.#known.get(oid)
    return entry !== undefined && entry.until > this.#parts.now() ? entry.table : undefined
  }

  /** All of them, or undefined where one has yet to be looked up, which begins now. */
  findAll(oids: readonly number[]): ReadonlyMap<number, TableInfo> | undefined {
    const found = new Map<number, TableInfo>()
    for (const oid of oids) {
      const table = this.find(oid)
      if (table !== undefined) found.set(oid, table)
      else if (this.#wanted.size < MOST_WANTED) this.#wanted.add(oid)
    }
    if (this.#wanted.size > 0) this.#start()
    return found.size === new Set(oids).size ? found : undefined
  }

  /** What has been asked for is known, or known not to be, when this resolves. */
  async settle(): Promise<void> {
    await this.#running
  }

  #start(): void {
    if (this.#isClosed || this.#running !== undefined) return
    const lookUp = async () => await this.#lookUp()
    // What is read for it is no request's.
    this.#running = runOutside(lookUp).finally(() => {
      this.#running = undefined
    })
  }

  async #lookUp(): Promise<void> {
    // Not in the middle of the user's own work with its result.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#wanted.size > 0 && !this.#isClosed) {
      const oids = [...this.#wanted]
      this.#wanted.clear()
      // What cannot be looked up counts as not known for a while: findings then say "possibly".
      const tables = await readTables(this.#parts.db as Pick<Queryable, 'query'>, oids).catch(() => undefined)
      const until = this.#parts.now() + KEEP_MS
      for (const oid of oids) this.#known.set(oid, { table: tables?.get(oid) ?? unknown, until })
      while (this.#known.size > MOST_TABLES) this.#known.delete(this.#known.keys().next().value as number)
      if (this.#wanted.size > 0) await rest()
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#running
  }
}

async function rest(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, REST_MS).unref())
}
