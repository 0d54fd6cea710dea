import { createHash } from 'node:crypto'
import type { ClientBase, Pool } from 'pg'
import { createDirectClient, watchClient } from './driver.js'
import { coreError } from './error-table.js'
import { refuseTransactionPooler } from './pooler.js'
import { migrations, packageVersion, type MigrationFile } from './migrations.gen.js'
import { readSqlstate, sqlstate } from './sqlstate.js'
import * as store from './store.js'

const CONNECT_MS = 5_000
const POLL_MS = 100

export interface MigrateOptions {
  signal?: AbortSignal
  /** How long to wait for another process that migrates. Default: 60 000 ms. */
  waitMs?: number
}

export interface MigrationState {
  name: string
  class: MigrationFile['class']
  /** `changed`: applied from a file that differed; `unknown`: applied by a package that knows more than this one. */
  state: 'applied' | 'pending' | 'changed' | 'unknown'
  appliedAt?: Date
}

/** Applies what is missing, one transaction a file, while no other process does. */
export async function migrateSchema(
  directUrl: string | undefined,
  pool: Pool,
  { signal, waitMs = 60_000 }: MigrateOptions = {},
): Promise<{ applied: string[] }> {
  const create = (queryMs?: number) => createDirectClient(directUrl, pool, CONNECT_MS, queryMs)
  const client = create()
  watchClient(client)
  await client.connect()
  try {
    await refuseTransactionPooler(client, 'migrate', create)
    await takeLock(client, waitMs, signal)
    return { applied: await applyPending(client) }
  } finally {
    // Ends the session and with it the lock, whatever state the connection is in.
    await client.end().catch(() => {})
  }
}

/** Polled, never waited for: a session waiting for an advisory lock holds a snapshot that CREATE INDEX CONCURRENTLY waits for. */
async function takeLock(client: ClientBase, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  const endsAt = performance.now() + waitMs
  while (!(await store.tryMigrationLock(client))) {
    signal?.throwIfAborted()
    if (performance.now() >= endsAt) {
      throw coreError('HF_MIGRATE_LOCKED', `Another process held the migration lock for all of ${waitMs} ms.`)
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function applyPending(client: ClientBase): Promise<string[]> {
  const states = await readMigrationStates(client)
  refuseChanged(states)
  const pending = new Set(states.filter(({ state }) => state === 'pending').map(({ name }) => name))
  const applied: string[] = []
  for (const file of migrations) {
    if (!pending.has(file.name)) continue
    await applyOne(client, file)
    applied.push(file.name)
  }
  return applied
}

async function applyOne(client: ClientBase, file: MigrationFile): Promise<void> {
  const started = performance.now()
  try {
    await client.query('begin')
    await store.limitLockWait(client)
    await client.query(file.sql)
    const durationMs = Math.round(performance.now() - started)
    await store.recordMigration(client, { ...file, checksum: checksumOf(file), package: packageVersion, durationMs })
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback').catch(() => {})
    const code = readSqlstate(cause) ?? 'no SQLSTATE'
    throw coreError('HF_MIGRATE_FAILED', `Migration ${file.name} failed (${code}) and was rolled back.`, { cause })
  }
}

/** What this package knows and what the database has, in order. Works on an empty database and changes nothing. */
export async function readMigrationStates(client: store.Session): Promise<MigrationState[]> {
  const rows = await readApplied(client)
  const applied = new Map(rows.map((row) => [row.name, row]))
  const known = migrations.map((file): MigrationState => {
    const row = applied.get(file.name)
    applied.delete(file.name)
    if (!row) return { name: file.name, class: file.class, state: 'pending' }
    const state = row.checksum === checksumOf(file) ? 'applied' : 'changed'
    return { name: file.name, class: file.class, state, appliedAt: row.applied_at }
  })
  const unknown = [...applied.values()].map((row): MigrationState => ({
    name: row.name,
    class: row.class,
    state: 'unknown',
    appliedAt: row.applied_at,
  }))
  return [...known, ...unknown]
}

async function readApplied(client: store.Session): Promise<store.AppliedRow[]> {
  try {
    return await store.listApplied(client)
  } catch (error) {
    const code = readSqlstate(error)
    if (code === sqlstate.undefinedTable || code === sqlstate.invalidSchema) return []
    throw error
  }
}

function refuseChanged(states: MigrationState[]): void {
  const changed = states.find(({ state }) => state === 'changed')
  if (changed) {
    throw coreError(
      'HF_MIGRATE_CHANGED',
      `Migration ${changed.name} was applied from a file that differs from this package's.`,
    )
  }
  const ahead = states.find((each) => each.state === 'unknown' && each.class === 'contract')
  if (ahead) {
    throw coreError(
      'HF_MIGRATE_AHEAD',
      `The database has the contract migration ${ahead.name}, which holdfast ${packageVersion} does not know.`,
    )
  }
}

function checksumOf(file: MigrationFile): string {
  return createHash('sha256').update(file.sql).digest('hex')
}

/** All migrations as one script for another migration tool, each followed by its own record. */
export function printMigrations(only?: ReadonlySet<string>): string {
  const parts = migrations
    .filter(({ name }) => only === undefined || only.has(name))
    .map((file) => {
      const record = store.printRecord({ ...file, checksum: checksumOf(file), package: packageVersion, durationMs: 0 })
      return `-- ${file.name}\nbegin;\nset local lock_timeout = '3s';\n\n${file.sql.trim()}\n\n${record}\ncommit;\n`
    })
  return parts.join('\n')
}
