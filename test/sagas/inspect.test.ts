import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import { inspectSagas, type SagaListing } from '../../src/sagas/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'

const amount = 60_000
let box: TestDatabase

/** So many of one kind, that all are in one state. */
async function fill(name: string, state: string, columns = '', values = ''): Promise<void> {
  await box.db.query(
    `with k as (insert into holdfast.sagas_kinds (name, version, keep_ms) values ($1, 1, 1) returning id)
     insert into holdfast.sagas_instances (id, kind, state, started_at, ends_by${columns})
     select $1 || ':' || n, k.id, $2, now() - n * interval '1 second', now() + interval '1 day'${values}
       from k, generate_series(1, ${amount}) n`,
    [name, state],
    { deadlineMs: 60_000 },
  )
}

beforeAll(async () => {
  box = await openTestDatabase()
  await fill('parked', 'waiting', ', wake_at', `, now() + n * interval '1 hour'`)
  await fill('due', 'running', ', wake_at', `, now() - n * interval '1 second'`)
  await fill('ended', 'done', ', finished_at', `, now() - n * interval '1 second'`)
  await fill('paused', 'compensating', ', is_undoing, wake_at', `, true, now() + interval '1 hour'`)
  await box.db.query(`insert into holdfast.sagas_kinds (name, version, keep_ms) values ('none', 1, 1)`)
  await runAdmin(box.ownerUrl, 'vacuum analyze holdfast.sagas_instances')
})
afterAll(async () => await box.close())

/** Rows and index entries that ended sessions have read of the big table. */
async function countReads(): Promise<number> {
  const text = `select (t.seq_tup_read + i.reads)::float8 as reads from pg_stat_user_tables t
    cross join lateral (select sum(x.idx_tup_read) as reads from pg_stat_user_indexes x where x.relid = t.relid) i
   where t.schemaname = 'holdfast' and t.relname = 'sagas_instances'`
  return (await runAdmin<{ reads: number }>(box.ownerUrl, text))[0]?.reads ?? 0
}

test('no answer reads the table to its end, however many there are', async () => {
  const before = await countReads()
  // A connection of its own, because a session's reads are known for certain once it has ended.
  const db = await connectTo({ url: box.url, directUrl: box.url, heartbeatMs: 600_000 })
  const inspector = inspectSagas(db)
  const { kinds, verdict } = await inspector.overview()
  const listings: SagaListing[] = ['failing', 'stuck', 'overdue', 'running', 'waiting', 'done', 'compensated']
  const found = await Promise.all(listings.map(async (state) => (await inspector.list({ state })).length))
  const none = await Promise.all(
    (['failing', 'compensating'] as const).map(async (state) => await inspector.list({ state, name: 'none' })),
  )
  const saga = await inspector.details('parked:7')
  await db.close()
  expect(kinds.map(({ name, due, parked }) => [name, due, parked])).toEqual([
    ['due', { count: 1_000, isMore: true }, { count: 0, isMore: false }],
    ['ended', { count: 0, isMore: false }, { count: 0, isMore: false }],
    ['none', { count: 0, isMore: false }, { count: 0, isMore: false }],
    ['parked', { count: 0, isMore: false }, { count: 1_000, isMore: true }],
    ['paused', { count: 0, isMore: false }, { count: 1_000, isMore: true }],
  ])
  expect(verdict.sentence).toMatch(/^1,000\+ sagas are under way/)
  expect(found).toEqual([50, 0, 50, 50, 50, 50, 0])
  expect(none).toEqual([[], []])
  expect(saga).toMatchObject({ id: 'parked:7', steps: [], input: null })
  await eventually(async () => expect(await countReads()).toBeGreaterThan(before))
  expect((await countReads()) - before).toBeLessThan(amount)
})
