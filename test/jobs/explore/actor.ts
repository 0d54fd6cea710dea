import type { Client } from 'pg'
import type { Db } from '../../../src/core/index.js'

const names = new Map<string, string>()

/** What the store's functions need of a database, on one connection, each statement prepared once. */
export function prepareOn(client: Client): Db {
  const query = async (text: string, values: unknown[] = []) => {
    const name = names.get(text) ?? `explored_${names.size}`
    names.set(text, name)
    return await client.query({ name, text, values })
  }
  return { query } as unknown as Db
}

/** One connection and what is done on it, one step at a time. A step may wait for another actor's transaction. */
export abstract class Actor {
  readonly name: string
  readonly client: Client
  /** Its transaction is open between two steps. */
  isOpen = false
  /** Set while a step waits for a lock. */
  waiting: { action: string; since: string } | undefined

  constructor(name: string, client: Client) {
    this.name = name
    this.client = client
  }

  /** The store's functions on this connection, inside its transaction or each by itself. */
  get db(): Db {
    return prepareOn(this.client)
  }

  abstract actions(): string[]
  abstract run(action: string): Promise<void>
  /** What decides how this actor goes on, besides the database. */
  abstract describe(names: Names): unknown

  async begin(): Promise<void> {
    await this.client.query('begin')
    this.isOpen = true
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    await this.client.query(how)
    this.isOpen = false
  }
}

/** Ids as their places among those that exist: two histories that differ in nothing else are one state. */
export interface Names {
  row(id: number): string
  /** How many rows lie below. */
  rowsBelow(mark: number): number
  claim(cid: number): string
  claimsBelow(cid: number): number
  /** Which open transactions began before this one. */
  openBefore(xid: bigint): string
}

/** What all actors know together: the history that the invariants are about. */
export class History {
  readonly sent = new Map<string, 'open' | 'committed' | 'rolled back'>()
  /** How often each job's completion was committed, by its body. */
  readonly completed = new Map<string, number>()
  /** Workers whose lease has lapsed since they renewed it. */
  readonly lapsed = new Set<string>()
  readonly broken: string[] = []

  complete(body: string): void {
    this.completed.set(body, (this.completed.get(body) ?? 0) + 1)
  }

  break(text: string): void {
    this.broken.push(text)
  }
}
