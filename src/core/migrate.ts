import type { ClientBase, Pool } from 'pg'
import { applyMigration, poll, type Patience } from './apply-migration.js'
import { createDirectClient, watchClient } from './driver.js'
import { coreError } from './error-table.js'
import { refuseTransactionPooler } from './pooler.js'
import { grantToRoles } from './grants.js'
import {
  describeAhead,
  findAhead,
  ownRelease,
  readApplied,
  readMigrationStates,
  type Release,
} from './migration-states.js'
import * as store from './store.js'

const CONNECT_MS = 5_000

export interface MigrateOptions {
  signal?: AbortSignal
  /** How long to wait for another process that migrates, and for older ones that a contract migration would break. Default: 60 000 ms. */
  waitMs?: number
  /** Roles that get what a process needs at run time: rows and sequences, never DDL. Default: none. */
  grantTo?: readonly string[]
}

/** Applies what is missing in order, one transaction a file, while no other process does. Then the grants. */
export async function migrateSchema(
  directUrl: string | undefined,
  pool: Pool,
  { signal, waitMs = 60_000, grantTo = [] }: MigrateOptions = {},
  release: Release = ownRelease,
): Promise<{ applied: string[] }> {
  const create = (queryMs?: number) => createDirectClient(directUrl, pool, CONNECT_MS, queryMs)
  const client = create()
  watchClient(client)
  await client.connect()
  const patience = { endsAt: performance.now() + waitMs, waitMs, signal }
  try {
    await refuseTransactionPooler(client, 'migrate', create)
    await takeLock(client, patience)
    const applied = await applyPending(client, release, patience)
    await grantToRoles(client, grantTo)
    return { applied }
  } finally {
    // Ends the session and with it the lock, whatever state the connection is in.
    await client.end().catch(() => {})
  }
}

/** Polled, never waited for: a session waiting for an advisory lock holds a snapshot that CREATE INDEX CONCURRENTLY waits for. */
async function takeLock(client: ClientBase, patience: Patience): Promise<void> {
  await poll(
    patience,
    async () => ((await store.tryMigrationLock(client)) ? true : undefined),
    () => coreError('HF_MIGRATE_LOCKED', `Another process held the migration lock for all of ${patience.waitMs} ms.`),
  )
}

async function applyPending(client: ClientBase, release: Release, patience: Patience): Promise<string[]> {
  const states = await readMigrationStates(client, release)
  const changed = states.find(({ state }) => state === 'changed')
  if (changed) {
    throw coreError(
      'HF_MIGRATE_CHANGED',
      `Migration ${changed.name} was applied from a file that differs from this package's.`,
    )
  }
  const ahead = findAhead(await readApplied(client), release)
  if (ahead) throw describeAhead(ahead, release)
  const pending = new Set(states.filter(({ state }) => state === 'pending').map(({ name }) => name))
  const applied: string[] = []
  for (const file of release.migrations) {
    if (!pending.has(file.name)) continue
    await applyMigration(client, file, release, patience)
    applied.push(file.name)
  }
  return applied
}
