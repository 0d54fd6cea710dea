import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  connectTo,
  findDrift,
  printMigrations,
  readCatalog,
  readMigrationStates,
  type Db,
} from '../../src/core/index.js'
import { ownRelease } from '../../src/core/migration-states.js'
import { catalog } from '../../src/core/schema.gen.js'
import { migrations, type MigrationFile } from '../../src/core/migrations.gen.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
let owner: Db
beforeAll(async () => {
  box = await openTestDatabase({ migrated: false })
  owner = await connectTo({ url: box.ownerUrl, heartbeatMs: 600_000 })
})
afterAll(async () => {
  await owner.close()
  await box.close()
})

const allNames = migrations.map(({ name }) => name)

/** This release and more: what a later one would bring. */
const releaseWith = (...more: MigrationFile[]) => ({
  version: '9.0.0',
  migrations: [...ownRelease.migrations, ...more],
})

async function migrateWith(...more: MigrationFile[]): Promise<{ applied: string[] }> {
  const db = await connectTo({ url: box.ownerUrl }, { release: releaseWith(...more), isTool: true })
  try {
    return await db.migrate()
  } finally {
    await db.close()
  }
}

test('an empty database has all of them pending, and reading that changes nothing', async () => {
  const states = await readMigrationStates(box.db)
  expect(states.map(({ state }) => state)).toEqual(allNames.map(() => 'pending'))
  expect(await readCatalog(box.db)).toEqual([])
  expect(box.db.schema).toBe('missing')
})

test('the runtime role cannot migrate, and is told who can', async () => {
  await expect(box.db.migrate()).rejects.toMatchObject({
    code: 'HF_MIGRATE_FAILED',
    fix: expect.stringContaining('owns the schema') as string,
  })
})

test('two processes that migrate at once apply each of them once', async () => {
  const results = await Promise.all([owner.migrate(), owner.migrate()])
  expect(results.flatMap(({ applied }) => applied).sort()).toEqual(allNames)
  expect(await owner.migrate()).toEqual({ applied: [] })
  expect(owner.schema).toBe('ok')
})

test('the manifest is what the migrations make on this server', async () => {
  expect(catalog.length).toBeGreaterThan(0)
  expect(findDrift(await readCatalog(box.db))).toEqual([])
})

test('a change by hand is seen as drift', async () => {
  await owner.query('alter table holdfast.core_migrations add column extra int')
  await owner.query('alter table holdfast.core_migrations alter column package drop not null')
  expect(findDrift(await readCatalog(box.db))).toEqual([
    { kind: 'column', name: 'core_migrations.package', state: 'changed' },
    { kind: 'column', name: 'core_migrations.extra', state: 'extra' },
  ])
  await owner.query('alter table holdfast.core_migrations drop column extra, alter column package set not null')
})

test('a migration that was edited after it was applied is refused', async () => {
  await owner.query(`update holdfast.core_migrations set checksum = 'other' where name = $1`, [allNames[0]])
  await expect(owner.migrate()).rejects.toMatchObject({ code: 'HF_MIGRATE_CHANGED' })
  await owner.query(`update holdfast.core_migrations set checksum = $1 where name = $2`, [
    await readChecksum(allNames[0] as string),
    allNames[0],
  ])
})

async function readChecksum(name: string): Promise<string> {
  const { checksumOf } = await import('../../src/core/migration-states.js')
  return checksumOf(migrations.find((file) => file.name === name) as MigrationFile)
}

test('a contract migration of a newer release is refused, an expanding one is not', async () => {
  const add = async (kind: string) =>
    await owner.query(
      `insert into holdfast.core_migrations (name, checksum, class, package, duration_ms) values ($1, 'x', $2, '9.0.0', 1)`,
      [`9999_core_${kind}`, kind],
    )
  await add('expand')
  expect(await owner.migrate()).toEqual({ applied: [] })
  await add('contract')
  await expect(owner.migrate()).rejects.toMatchObject({ code: 'HF_MIGRATE_AHEAD', details: { needs: '9.0.0' } })
  await owner.query(`delete from holdfast.core_migrations where name like '9999%'`)
})

test('the lock is polled, and not having it in time is an error', async () => {
  const { rows } = await owner.query<{ key: string }>(
    `select ('x' || encode('holdfast', 'hex'))::bit(64)::bigint as key`,
  )
  const key = rows[0]?.key
  const holder = await owner.pool.connect()
  await holder.query('select pg_advisory_lock($1)', [key])
  await expect(owner.migrate({ waitMs: 150 })).rejects.toMatchObject({ code: 'HF_MIGRATE_LOCKED', retryable: true })
  await holder.query('select pg_advisory_unlock($1)', [key])
  holder.release()
})

test('the printed script makes the same schema by itself, and with grants the runtime role can work', async () => {
  const other = await openTestDatabase({ migrated: false })
  await runAdmin(other.ownerUrl, printMigrations(undefined, [other.role]))
  expect(findDrift(await readCatalog(other.db))).toEqual([])
  expect(await other.db.migrate()).toEqual({ applied: [] })
  expect(other.db.schema).toBe('ok')
  await other.close()
})

describe('an index that is built concurrently', () => {
  const file: MigrationFile = {
    name: '9001_core_index',
    class: 'expand',
    noTransaction: true,
    sql: 'create index concurrently core_migrations_package on holdfast.core_migrations (package);',
  }
  const forget = async () => await owner.query(`delete from holdfast.core_migrations where name = '9001_core_index'`)
  const isValid = async () =>
    await owner.sql`select indisvalid from pg_index where indexrelid = 'holdfast.core_migrations_package'::regclass`

  test('is built outside a transaction and recorded', async () => {
    expect(await migrateWith(file)).toEqual({ applied: [file.name] })
    expect(await isValid()).toEqual([{ indisvalid: true }])
  })

  test('a run that died between the build and the record does not build again', async () => {
    await forget()
    const [before] = await owner.sql`select 'holdfast.core_migrations_package'::regclass::oid as oid`
    expect(await migrateWith(file)).toEqual({ applied: [file.name] })
    expect(await owner.sql`select 'holdfast.core_migrations_package'::regclass::oid as oid`).toEqual([before])
  })

  test('an INVALID leftover is dropped and built again', async () => {
    await forget()
    await owner.query('drop index holdfast.core_migrations_package')
    // A unique build over equal values fails and leaves the index behind.
    await expect(migrateWith({ ...file, sql: file.sql.replace('index', 'unique index') })).rejects.toMatchObject({
      code: 'HF_MIGRATE_FAILED',
      message: expect.stringContaining('INVALID') as string,
    })
    expect(await isValid()).toEqual([{ indisvalid: false }])
    expect(await migrateWith(file)).toEqual({ applied: [file.name] })
    expect(await isValid()).toEqual([{ indisvalid: true }])
    await owner.query('drop index holdfast.core_migrations_package')
    await forget()
  })
})
