import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listIndexFaults } from '../../../src/watch/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../../helpers/database.js'

let box: TestDatabase
let pool: pg.Pool

const tables = [
  'create table item (id int primary key, owner int not null, code text unique, state text, at timestamptz)',
  `insert into item select n, n % 10, n::text, 'x', now() from generate_series(1, 500) n`,
  'create index item_owner on item (owner)',
  'create index item_owner_at on item (owner, at desc)',
  'create index item_at on item (at)',
  'create index item_at_again on item (at)',
  `create index item_open on item (owner) where state = 'open'`,
  'create index item_code on item (code)',
  'create index item_state on item (state)',
]

beforeAll(async () => {
  box = await openTestDatabase()
  for (const text of tables) await runAdmin(box.ownerUrl, text)
  await runAdmin(box.ownerUrl, 'create unique index concurrently item_failed on item (state)').catch(() => undefined)
  pool = new pg.Pool({ connectionString: box.url, max: 1 })
})
afterAll(async () => {
  await pool.end()
  await box.close()
})

test('unused, held twice, invalid: each with what is to be done, which works', async () => {
  const { faults, refused } = await listIndexFaults(pool)
  expect(refused).toEqual([])
  expect(faults.map(({ kind, index }) => `${index} ${kind}`)).toEqual([
    'public.item_at unused-index',
    'public.item_at_again duplicate-index',
    'public.item_code duplicate-index',
    'public.item_failed invalid-index',
    'public.item_open unused-index',
    'public.item_owner duplicate-index',
    'public.item_owner_at unused-index',
    'public.item_state unused-index',
  ])
  const find = (name: string) => faults.find(({ index }) => index === `public.${name}`)
  expect(find('item_owner')?.sentence).toContain('nothing that public.item_owner_at does not do')
  expect(find('item_state')?.sentence).toMatch(/was not used (since|in the .* that statistics reach back).*replica/)
  expect(find('item_failed')?.fix).toContain('drop index concurrently public.item_failed; Then build it again')
  await runAdmin(box.ownerUrl, find('item_at_again')?.fix ?? '')
  const again = await listIndexFaults(pool)
  expect(again.faults.map(({ index }) => index)).not.toContain('public.item_at_again')
})

test('of a database that is away', async () => {
  const away = new pg.Pool({ host: '127.0.0.1', port: 1 })
  expect(await listIndexFaults(away)).toEqual({
    faults: [],
    refused: [{ why: 'Indexes could not be read: the database could not be asked.' }],
  })
  await away.end()
})
