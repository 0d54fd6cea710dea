import type { Db, Tx } from 'holdfast'
import type { Migration } from './migrations/migration.js'

/** Any number, as long as every process of this application uses the same one. */
const lockKey = 7_266_301

/**
 * Applies the steps that are missing, all in one transaction. Two processes that start at once take turns: the second
 * waits for the lock, then finds nothing left to do. Kysely's Migrator wants a driver and a session lock, which a
 * transaction-mode pooler would give to somebody else.
 */
export async function migrate(db: Db, migrations: readonly Migration[]): Promise<string[]> {
  return db.tx(async (tx) => {
    await tx.sql`select pg_advisory_xact_lock(${lockKey})`
    const done = await readApplied(tx)
    const missing = migrations.filter((migration) => !done.has(migration.name))
    for (const migration of missing) await apply(tx, migration)
    return missing.map((migration) => migration.name)
  })
}

async function readApplied(tx: Tx): Promise<Set<string>> {
  await tx.query('create table if not exists app_migrations (name text primary key, applied_at timestamptz not null)')
  const rows = await tx.sql<{ name: string }>`select name from app_migrations`
  return new Set(rows.map((row) => row.name))
}

async function apply(tx: Tx, migration: Migration): Promise<void> {
  // No parameters: the simple protocol takes several statements in one message.
  await tx.query(migration.sql)
  await tx.sql`insert into app_migrations (name, applied_at) values (${migration.name}, now())`
}
