import pg from 'pg'
import { inject } from 'vitest'
import { connectTo, type ConnectOptions, type Db } from '../../src/core/index.js'
import { eventually } from './eventually.js'

export interface TestDatabase {
  url: string
  db: Db
  /** Closes the connection, fails when any other one is still open, and drops the database. */
  close(): Promise<void>
}

export interface TestDatabaseOptions {
  /** Holds holdfast's schema. Default: true. */
  migrated?: boolean
  connect?: ConnectOptions
}

/** A database of its own, a copy of the migrated template. One per test file. */
export async function openTestDatabase({
  migrated = true,
  connect = {},
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { url: serverUrl, template } = inject('server')
  const name = `hf_test_${process.pid}_${(counter.next++).toString(36)}_${Date.now().toString(36)}`
  await runAdmin(serverUrl, `create database ${name} template ${migrated ? template : 'template0'}`)
  const url = withDatabase(serverUrl, name)
  const db = await connectTo({ url, directUrl: url, ...connect })
  return {
    url,
    db,
    close: async () => {
      await db.close()
      await refuseLeaks(serverUrl, name)
      await runAdmin(serverUrl, `drop database ${name} with (force)`)
    },
  }
}

const counter = { next: 0 }

export function withDatabase(url: string, database: string): string {
  const copy = new URL(url)
  copy.pathname = `/${database}`
  return copy.href
}

/** One statement as the superuser, on a connection of its own. */
export async function runAdmin<T extends pg.QueryResultRow>(
  url: string,
  text: string,
  params: unknown[] = [],
): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<T>(text, params)).rows
  } finally {
    await client.end()
  }
}

async function refuseLeaks(url: string, database: string): Promise<void> {
  await eventually(async () => {
    const text = `select pid, state, left(query, 80) as query from pg_stat_activity where datname = $1 and backend_type = 'client backend'`
    const rows = await runAdmin(url, text, [database])
    if (rows.length > 0) throw new Error(`Connections left open: ${JSON.stringify(rows)}`)
  })
}
