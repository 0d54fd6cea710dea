import { afterAll, beforeAll, expect, test } from 'vitest'
import { findDrift, printMigrations, readCatalog, readMigrationStates } from '../../src/core/index.js'
import { catalog } from '../../src/core/schema.gen.js'
import { migrations } from '../../src/core/migrations.gen.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase({ migrated: false })
})
afterAll(async () => await box.close())

const allNames = migrations.map(({ name }) => name)

test('an empty database has all of them pending, and reading that changes nothing', async () => {
  const states = await readMigrationStates(box.db)
  expect(states.map(({ state }) => state)).toEqual(allNames.map(() => 'pending'))
  expect(await readCatalog(box.db)).toEqual([])
})

test('two processes that migrate at once apply each of them once', async () => {
  const results = await Promise.all([box.db.migrate(), box.db.migrate()])
  expect(results.flatMap(({ applied }) => applied).sort()).toEqual(allNames)
  expect(await box.db.migrate()).toEqual({ applied: [] })
})

test('the manifest is what the migrations make on this server', async () => {
  expect(catalog.length).toBeGreaterThan(0)
  expect(findDrift(await readCatalog(box.db))).toEqual([])
})

test('a change by hand is seen as drift', async () => {
  await box.db.query('alter table holdfast.core_migrations add column extra int')
  await box.db.query('alter table holdfast.core_migrations alter column package drop not null')
  expect(findDrift(await readCatalog(box.db))).toEqual([
    { kind: 'column', name: 'core_migrations.package', state: 'changed' },
    { kind: 'column', name: 'core_migrations.extra', state: 'extra' },
  ])
  await box.db.query('alter table holdfast.core_migrations drop column extra, alter column package set not null')
})

test('a migration that was edited after it was applied is refused', async () => {
  await box.db.query(`update holdfast.core_migrations set checksum = 'other' where name = $1`, [allNames[0]])
  await expect(box.db.migrate()).rejects.toMatchObject({ code: 'HF_MIGRATE_CHANGED' })
  await box.db.query('delete from holdfast.core_migrations')
  await box.db.migrate()
})

test('a contract migration of a newer release is refused, an expanding one is not', async () => {
  const add = async (kind: string) =>
    await box.db.query(
      `insert into holdfast.core_migrations (name, checksum, class, package, duration_ms) values ($1, 'x', $2, '9.0.0', 1)`,
      [`9999_core_${kind}`, kind],
    )
  await add('expand')
  expect(await box.db.migrate()).toEqual({ applied: [] })
  await add('contract')
  await expect(box.db.migrate()).rejects.toMatchObject({ code: 'HF_MIGRATE_AHEAD' })
  await box.db.query(`delete from holdfast.core_migrations where name like '9999%'`)
})

test('the lock is polled, and not having it in time is an error', async () => {
  const { rows } = await box.db.query<{ key: string }>(
    `select ('x' || encode('holdfast', 'hex'))::bit(64)::bigint as key`,
  )
  const key = rows[0]?.key
  const holder = await box.db.pool.connect()
  await holder.query('select pg_advisory_lock($1)', [key])
  await expect(box.db.migrate({ waitMs: 150 })).rejects.toMatchObject({ code: 'HF_MIGRATE_LOCKED', retryable: true })
  await holder.query('select pg_advisory_unlock($1)', [key])
  holder.release()
})

test('the printed script makes the same schema by itself', async () => {
  const other = await openTestDatabase({ migrated: false })
  await runAdmin(other.url, printMigrations())
  expect(findDrift(await readCatalog(other.db))).toEqual([])
  expect(await other.db.migrate()).toEqual({ applied: [] })
  await other.close()
})
