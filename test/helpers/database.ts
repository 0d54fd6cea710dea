import pg from 'pg'
import { inject } from 'vitest'
import { connectTo, type ConnectOptions, type Db } from '../../src/core/index.js'
import { eventually } from './eventually.js'

export interface TestDatabase {
  /** As the runtime role, like `db`: rows of holdfast's tables, no DDL there; tables of its own in public. */
  url: string
  /** As the superuser that owns the schema: for migrations and for what only an administrator may do. */
  ownerUrl: string
  /** The runtime role. */
  role: string
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
  const { url: serverUrl, template, role, password } = inject('server')
  const name = `${template.replace('template', 'test')}_${process.pid}_${(counter.next++).toString(36)}_${Date.now().toString(36)}`
  await runAdmin(serverUrl, `create database ${name} template ${migrated ? template : 'template0'}`)
  const ownerUrl = withDatabase(serverUrl, name)
  if (!migrated) await runAdmin(ownerUrl, `grant create on schema public to ${role}`)
  const url = withLogin(ownerUrl, role, password)
  // No beat falls into a test that counts or times something; those about heartbeats set their own.
  const db = await connectTo({ url, directUrl: url, heartbeatMs: 600_000, ...connect })
  return {
    url,
    ownerUrl,
    role,
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

function withLogin(url: string, user: string, password: string): string {
  const copy = new URL(url)
  copy.username = user
  copy.password = password
  return copy.href
}

/** One statement as the owner (give it an `ownerUrl`), on a connection of its own. */
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
