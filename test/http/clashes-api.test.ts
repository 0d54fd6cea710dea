import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClashDocument, ClashesDocument } from '../../src/http/contract.js'
import { createHttp } from '../../src/http/index.js'
import { inspectWatch, writeReplay } from '../../src/watch/index.js'
import { clashes, fillClashes, replay } from '../helpers/clash-data.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

const origin = 'http://localhost'
const token = 'a-token-for-tests'
const headers = { authorization: `Bearer ${token}` }

let box: TestDatabase
let handler: ReturnType<typeof createHttp>
beforeAll(async () => {
  box = await openTestDatabase()
  handler = createHttp(box.db, { token })
})
afterAll(async () => {
  handler.close()
  await box.close()
})

const ask = async (path: string) =>
  await handler.fetch(new Request(`${origin}/_holdfast/api/clashes${path}`, { headers }))
const read = async (path = '') => (await (await ask(path)).json()) as ClashesDocument

test('before anything was found all is well', async () => {
  expect(await read()).toMatchObject({ isConnected: true, verdict: { severity: 'ok' }, clashes: [], isMore: false })
})

test('ranks what nothing prevents by how often it really met, and gives the others when they are asked for', async () => {
  // Not in the order in which they are to come.
  await fillClashes(box.db, clashes.toReversed())
  const { verdict, clashes: open } = await read()
  expect(open.map(({ id, severity }) => [id, severity])).toEqual([
    ['aa000001', 'act'],
    ['aa000002', 'act'],
    ['aa000003', 'watch'],
  ])
  expect(verdict).toMatchObject({ severity: 'act', also: [expect.anything(), expect.anything()] })
  expect(verdict.sentence).toBe(
    '3 pairs of requests can collide; the worst: lost update in shows (taken), POST /shows/:id/orders with itself, really met 14 times, open for up to 63 ms.',
  )
  expect(verdict.fix).toContain('Let the statement compute')
  const all = (await read('?protected=1')).clashes
  expect(all.map(({ id }) => id)).toEqual(['aa000001', 'aa000002', 'aa000003', 'bb000001', 'bb000002'])
  expect(all.at(-1)).toMatchObject({ severity: 'ok', protectedBy: 'the unique index over customer_id' })
  expect((await read('?kind=write+skew&protected=1')).clashes.map(({ id }) => id)).toEqual(['aa000002'])
})

test('one by its id has its statements, what is in vain, and what a replay has shown', async () => {
  const one = async () => ((await (await ask('/aa000001')).json()) as ClashDocument).clash
  expect(await one()).toMatchObject({
    read: { site: 'src/orders/place-order.ts:41' },
    inVain: ['read and write are not in one transaction'],
    realOverlap: { second: { readAt: 12.4 } },
    replay: null,
    replayed: null,
  })
  // As the runtime role.
  expect(await writeReplay(box.db, 'aa000001', replay)).toBe(true)
  expect(await writeReplay(box.db, 'ffffffff', replay)).toBe(false)
  const shown = await one()
  expect(shown).toMatchObject({ replay: 'clash', replayed: { diagram: replay.diagram, fix: { held: true } } })
  expect(Math.abs((shown?.replayed?.at ?? 0) - Date.now())).toBeLessThan(60_000)
})

test('what makes no sense is refused, and what nobody has seen is not found', async () => {
  expect((await ask('?kind=deadlock')).status).toBe(400)
  expect((await ask('/aa000001;drop')).status).toBe(400)
  const unknown = await ask('/00000000')
  expect([unknown.status, await unknown.json()]).toEqual([
    404,
    expect.objectContaining({ code: 'HF_HTTP_CLASH_UNKNOWN' }),
  ])
  expect((await ask('/aa000001/more')).status).toBe(404)
})

test('a list that is cut says so, and says how many there are at least', async () => {
  const { clashes: first, isMore, verdict } = await inspectWatch(box.db).clashes({ limit: 2 })
  expect([first.length, isMore]).toEqual([2, true])
  expect(verdict.sentence).toContain('More than 2 pairs')
  const { verdict: ofAll } = await inspectWatch(box.db).clashes({ limit: 4, protectedToo: true })
  expect(ofAll.sentence).toContain('3 pairs')
})

test('where all are kept apart the verdict is calm', async () => {
  const calm = await openTestDatabase()
  await fillClashes(calm.db, clashes.slice(3))
  const { verdict, clashes: kept } = await inspectWatch(calm.db).clashes({ protectedToo: true })
  expect([kept.length, verdict]).toEqual([
    2,
    {
      severity: 'ok',
      sentence: '2 pairs of requests meet at the same rows, and something keeps them apart.',
      also: [],
    },
  ])
  await calm.close()
})

test('without the tables it says so', async () => {
  const bare = await openTestDatabase({ migrated: false })
  const other = createHttp(bare.db, { token })
  for (const [path, empty] of [
    ['', { clashes: [] }],
    ['/aa000001', { clash: null }],
  ] as const) {
    const answer = await other.fetch(new Request(`${origin}/_holdfast/api/clashes${path}`, { headers }))
    expect(await answer.json()).toMatchObject({ isConnected: false, ...empty })
  }
  other.close()
  await bare.close()
})

test('of many thousands the first are found by the index', async () => {
  await runAdmin(
    box.ownerUrl,
    `insert into holdfast.watch_clashes
       (id, kind, on_table, first_route, second_route, protected_by, real_overlaps, window_ms, requests, detail)
     select 'many' || n, kind, on_table, first_route, second_route, case when n % 50 > 0 then 'a lock' end, 0, 0.1, 1, detail
       from holdfast.watch_clashes, generate_series(1, 20000) n where id = 'aa000003'`,
  )
  await runAdmin(box.ownerUrl, 'analyze holdfast.watch_clashes')
  for (const protectedToo of [false, true]) {
    const where = protectedToo ? '' : 'and (protected_by is null)'
    const { rows } = await box.db.query<{ 'QUERY PLAN': string }>(
      `explain select id from holdfast.watch_clashes where ($1::text is null or kind = $1) ${where}
        order by (protected_by is null) desc, real_overlaps desc, window_ms desc limit 201`,
      [null],
    )
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).toContain('watch_clashes_by_overlaps')
    expect(plan).not.toContain('Sort')
  }
})
