import { afterAll, beforeAll, expect, test } from 'vitest'
import { plan, planMatchers, type PlanAssertions } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

declare module 'vitest' {
  // As the docs say it.
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface Matchers extends PlanAssertions {}
}
expect.extend(planMatchers)

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query(`create table bids as
    select n as id, n % 5000 as user_id, n % 7 as side, now() - n * interval '1 second' as created_at from generate_series(1, 20000) n`)
  await box.db.query('create index bids_user on bids (user_id)')
  await box.db.query('create table tiny (id int primary key, note text)')
  await box.db.query('analyze bids, tiny')
})
afterAll(async () => await box.close())

const mine = 'select * from bids where user_id = $1 order by created_at desc limit 20'
const failure = async (work: () => Promise<unknown>) =>
  await work().then(
    () => '',
    (error: unknown) => (error as Error).message,
  )

test('tells whether an index is used, and which', async () => {
  const found = await plan(box.db, mine, [42])
  expect(found).toUseIndex()
  expect(found).toUseIndex('bids_user')
  expect(found).not.toUseIndex('bids_side')
  expect(found).not.toReadWhole('bids')
  const whole = await plan(box.db.pool, 'select count(*) from bids where side = 3')
  expect(whole).not.toUseIndex()
  expect(whole).toReadWhole('public.bids')
  expect(whole).not.toReadWhole('tiny')
})

test('a failure shows the tree, and no value', async () => {
  const wrong = await failure(async () => expect(await plan(box.db, mine, [4711])).toUseIndex('bids_created'))
  expect(wrong).toMatchInlineSnapshot(`
    "Expected the plan to use the index bids_created; it uses bids_user.

    Sort
        cond: bids.created_at DESC
      Scan on public.bids by bids_user
          cond: (bids.user_id = ?)"
  `)
  const not = await failure(async () =>
    expect(await plan(box.db, 'select * from bids where side = 3 and user_id < 9999')).not.toReadWhole('bids'),
  )
  expect(not).toContain('Expected the plan not to read all of bids; it reads all of it.')
  expect(not).toContain('Scan on public.bids, all of it')
  expect(not).not.toContain('9999')
  expect(await failure(async () => expect('text').toUseIndex())).toContain('wants a plan')
})

test('an update is explained and not executed', async () => {
  const found = await plan(box.db, 'update bids set side = 9 where user_id = $1', [42])
  expect(found).toUseIndex('bids_user')
  expect(await plan(box.db, 'delete from bids where user_id = $1', [42])).toUseIndex('bids_user')
  const { rows } = await box.db.query<{ n: number }>('select count(*)::int as n from bids where side = 9')
  expect(rows).toEqual([{ n: 0 }])
  expect((await box.db.query<{ n: number }>('select count(*)::int as n from bids')).rows).toEqual([{ n: 20_000 }])
})

test('a small table is read whole unless that is to be avoided', async () => {
  const text = 'select * from tiny where id = $1'
  expect(await plan(box.db, text, [1], { avoidsWholeReads: true })).toUseIndex('tiny_pkey')
  expect(await plan(box.db, 'select * from tiny where note = $1', ['x'], { avoidsWholeReads: true })).toReadWhole(
    'tiny',
  )
  // What was set is gone with the transaction.
  expect((await box.db.query<{ enable_seqscan: string }>('show enable_seqscan')).rows[0]?.enable_seqscan).toBe('on')
})

test('what has no plan is an error of ours that holds no value', async () => {
  const wrong = plan(box.db, "select 'secret' from nowhere")
  await expect(wrong).rejects.toMatchObject({ code: 'HF_WATCH_NO_PLAN' })
  await expect(wrong).rejects.not.toThrow(/secret/)
})
