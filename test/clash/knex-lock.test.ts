import knex, { type Knex } from 'knex'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClashLab } from '../../src/clash/index.js'
import { observeClashes, type Driver } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

// The lock of Knex's migrations is read, and then written where it was free; see node_modules/knex/lib/migrations/migrate/
// migrator.js, `_lockMigrations` and `_isLocked`. Two processes that begin together: known from interleave's study.

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase({ migrated: false })
})
afterAll(async () => await box.close())

class Migrations implements Knex.MigrationSource<string> {
  readonly #names: readonly string[]
  constructor(names: readonly string[]) {
    this.#names = names
  }
  async getMigrations(): Promise<string[]> {
    return await Promise.resolve([...this.#names])
  }
  getMigrationName(name: string): string {
    return name
  }
  async getMigration(name: string): Promise<Knex.Migration> {
    const up = async (on: Knex) => {
      if (name === '1-tables') await on.raw('create table settings (name text)')
      else await on.raw(`insert into settings values ('${name}')`)
    }
    return await Promise.resolve({ up, down: async () => {} })
  }
}

async function migrate(url: string, names: readonly string[]): Promise<{ status: number }> {
  const own = knex({ client: 'pg', connection: url, pool: { min: 0, max: 4 } })
  try {
    await own.migrate.latest({ migrationSource: new Migrations(names) })
    return { status: 200 }
  } finally {
    await own.destroy()
  }
}

test('the lock of Knex’s migrations is found by what it sends, and fails in a replay', async () => {
  await migrate(box.ownerUrl, ['1-tables'])
  const watching = await observeClashes(box.db, pg as unknown as Driver)
  for (const names of [['1-tables'], ['1-tables', '2-first']])
    await watching.run('migrate', {}, async () => await migrate(box.ownerUrl, names))
  const clashes = watching.clashes()
  await watching.stop()
  expect(clashes.map(({ table }) => table)).toContain('knex_migrations_lock')

  // As in a database that is new, where both make the row that is to be locked: from then on there are two of them.
  const owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await owner.query('delete from knex_migrations_lock')
  await owner.end()
  const lab = await openClashLab({ url: box.ownerUrl, clone: false, open: (url) => ({ url }) })
  const run = async ({ url }: { url: string }) => await migrate(url, ['1-tables', '2-first', '3-second'])
  const report = await lab.replay({ name: 'migrate', run }, { name: 'migrate', run }, { preemptions: 1 })
  await lab.close()
  expect(report.verdict, report.diagram).toBe('clash')
}, 60_000)
