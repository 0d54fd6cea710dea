import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scanLive, type LiveFinding } from '../../../src/watch/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../../helpers/database.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

test('a calm database is calm', async () => {
  expect(await scanLive(box.db)).toMatchObject({ verdict: { severity: 'ok', also: [] }, findings: [] })
})

test('faults of indexes are found elsewhere, and are among the others', async () => {
  const fault: LiveFinding = {
    kind: 'index',
    severity: 'act',
    subject: 'orders_old',
    sentence: 'Index orders_old is invalid.',
    fix: 'Build it again.',
    ddl: 'reindex index concurrently orders_old',
    prove: 'select 1',
  }
  const found = await scanLive(box.db, { listIndexFaults: async () => await Promise.resolve([fault]) })
  expect(found).toMatchObject({ verdict: { severity: 'act', fix: fault.ddl }, findings: [fault], missing: [] })
  const failed = await scanLive(box.db, { listIndexFaults: async () => await Promise.reject(new Error('no')) })
  expect(failed).toMatchObject({ findings: [], missing: ['indexes'] })
})

test('a foreign key of two columns: an index that begins with both is one, in any order', async () => {
  await box.db.query('create table halls (house int, hall int, primary key (house, hall))')
  await box.db.query('insert into halls select n, n from generate_series(1, 100) n')
  await box.db.query(
    `create table shows as select n % 100 + 1 as house, n % 100 + 1 as hall, repeat('x', 50) as note from generate_series(1, 20000) n`,
  )
  await box.db.query('alter table shows add constraint shows_hall foreign key (house, hall) references halls')
  await box.db.query('analyze halls, shows')
  const list = async () => (await scanLive(box.db)).findings.filter(({ kind }) => kind === 'foreign-key-without-index')
  expect(await list()).toMatchObject([
    { subject: 'shows_hall', severity: 'watch', ddl: 'create index concurrently on public.shows (house, hall)' },
  ])
  await box.db.query('create index shows_note on shows (note, house, hall)')
  expect(await list()).toHaveLength(1)
  await box.db.query('create index shows_hall_house on shows (hall, house)')
  expect(await list()).toEqual([])
})

test('sessions of other roles cannot be seen, and that is told', async () => {
  const other = new pg.Client({ connectionString: box.ownerUrl })
  await other.connect()
  try {
    expect((await scanLive(box.db)).missing).toEqual(['1 session of other roles (grant pg_read_all_stats to see them)'])
  } finally {
    await other.end()
  }
})

test('reads and writes of pg_stat_statements are told from what may hold a password', async () => {
  const texts = [
    'select 1',
    '/* a */ /* b */ with x as (select 1) table x',
    '\n  update t set a = $1',
    "alter role app password 'secret'",
    'selective',
    'begin',
  ]
  const rows = await runAdmin<{ text: string }>(
    box.ownerUrl,
    String.raw`select text from unnest($1::text[]) text where text ~* '^\s*(/\*.*?\*/\s*)*(select|insert|update|delete|merge|with)\y'`,
    [texts],
  )
  expect(rows.map(({ text }) => text)).toEqual(texts.slice(0, 3))
})
