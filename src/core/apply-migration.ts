import type { ClientBase } from 'pg'
import { coreError } from './error-table.js'
import { holdAnnouncements, listLiveInstances, type InstanceRow } from './instance-store.js'
import { checksumOf, isMissing, type Release } from './migration-states.js'
import type { MigrationFile } from './migrations.gen.js'
import { readSqlstate, sqlstate } from './sqlstate.js'
import * as store from './store.js'

const POLL_MS = 100
const MOST_NAMED = 5

export interface Patience {
  /** `performance.now()` after which nothing is waited for any more. */
  endsAt: number
  waitMs: number
  signal: AbortSignal | undefined
}

/** Runs `attempt` until it gives something, or until the patience ends: then `describe` makes the error. */
export async function poll<T>(
  patience: Patience,
  attempt: () => Promise<T | undefined>,
  describe: () => Error,
): Promise<T> {
  for (;;) {
    const outcome = await attempt()
    if (outcome !== undefined) return outcome
    patience.signal?.throwIfAborted()
    if (performance.now() >= patience.endsAt) throw describe()
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Applies one file: at once, or for a contract when no process lives that does not know it. */
export async function applyMigration(
  client: ClientBase,
  file: MigrationFile,
  release: Release,
  patience: Patience,
): Promise<void> {
  if (file.noTransaction) return await applyConcurrently(client, file, release, patience)
  if (file.class !== 'contract') return void (await applyInTransaction(client, file, release))
  let older: InstanceRow[] = []
  await poll(
    patience,
    async () => {
      older = await listOlder(client, file.name)
      if (older.length > 0) return undefined
      return (await applyInTransaction(client, file, release)) ? 'applied' : undefined
    },
    () => describeWaiting(file, older, patience.waitMs),
  )
}

/** False: an older process announced itself meanwhile, and everything was rolled back. */
async function applyInTransaction(client: ClientBase, file: MigrationFile, release: Release): Promise<boolean> {
  const started = performance.now()
  try {
    await client.query('begin')
    await store.limitLockWait(client)
    await client.query(file.sql)
    if (file.class === 'contract' && (await hasOlderNow(client, file.name))) {
      await client.query('rollback')
      return false
    }
    await record(client, file, release, started)
    await client.query('commit')
    return true
  } catch (cause) {
    await client.query('rollback').catch(() => {})
    throw describeFailed(file, cause, 'and was rolled back')
  }
}

/**
 * Asked again at the end, with announcements held back for the instant until the commit: whoever connects during a long
 * migration is either counted here, or announces itself after the commit and is told that the database is ahead.
 */
async function hasOlderNow(client: ClientBase, name: string): Promise<boolean> {
  try {
    await client.query('savepoint announcements')
    await holdAnnouncements(client)
    return (await listLiveInstances(client, name)).length > 0
  } catch (error) {
    if (!isMissing(error)) throw error
    await client.query('rollback to savepoint announcements')
    return false
  }
}

async function listOlder(client: ClientBase, name: string): Promise<InstanceRow[]> {
  try {
    return await listLiveInstances(client, name)
  } catch (error) {
    // Nobody could announce itself yet.
    if (isMissing(error)) return []
    throw error
  }
}

/** An index that an interrupted build left behind is INVALID: it costs every write and serves no read. */
async function applyConcurrently(
  client: ClientBase,
  file: MigrationFile,
  release: Release,
  patience: Patience,
): Promise<void> {
  const started = performance.now()
  const index = readIndexName(file)
  try {
    // It waits for every older transaction; that blocks nobody, so the limit is the caller's patience.
    await store.limitSessionLockWait(client, Math.max(1, patience.endsAt - started))
    const isValid = await store.readIndexValidity(client, index)
    if (isValid === false) await store.dropInvalidIndex(client, index)
    if (isValid !== true) await client.query(file.sql)
    await record(client, file, release, started)
  } catch (cause) {
    throw describeFailed(file, cause, 'and may have left an INVALID index, which the next run builds again')
  } finally {
    await store.limitSessionLockWait(client, 0).catch(() => {})
  }
}

function readIndexName({ name, sql }: MigrationFile): string {
  const found = /create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?([a-z_][a-z0-9_]*)/i.exec(
    sql,
  )?.[1]
  // Only a wrong release can get here: `npm run generate` refuses such a file.
  if (found === undefined) throw new Error(`${name}: only CREATE INDEX CONCURRENTLY runs outside a transaction`)
  return found.toLowerCase()
}

async function record(client: ClientBase, file: MigrationFile, release: Release, started: number): Promise<void> {
  const durationMs = Math.round(performance.now() - started)
  await store.recordMigration(client, { ...file, checksum: checksumOf(file), package: release.version, durationMs })
}

function describeFailed({ name }: MigrationFile, cause: unknown, consequence: string) {
  const code = readSqlstate(cause)
  const isForbidden = code === sqlstate.insufficientPrivilege
  return coreError('HF_MIGRATE_FAILED', `Migration ${name} failed (${code ?? 'no SQLSTATE'}) ${consequence}.`, {
    cause,
    ...(isForbidden && {
      fix: 'Run it as the role that owns the schema holdfast; the runtime role may not create anything.',
    }),
  })
}

function describeWaiting({ name }: MigrationFile, older: readonly InstanceRow[], waitMs: number) {
  const shown = older
    .slice(0, MOST_NAMED)
    .map(({ package: version, host, pid }) => `${version} on ${host} (pid ${pid})`)
  const more = older.length > MOST_NAMED ? ` and ${older.length - MOST_NAMED} more` : ''
  const count =
    older.length === 1 ? '1 process that does not know it is' : `${older.length} processes that do not know it are`
  return coreError(
    'HF_MIGRATE_CONTRACT_WAITS',
    `Contract migration ${name} waited ${waitMs} ms: ${count} alive: ${shown.join(', ')}${more}.`,
    { details: { migration: name, instances: older } },
  )
}
