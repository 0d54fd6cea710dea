import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AdviceDocument, QueriesDocument } from '../../src/http/contract.js'
import { createHttp } from '../../src/http/index.js'
import { askAdvice } from '../../src/http/queries-api.js'
import { watch } from '../../src/watch/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import { fillPlans, flipped, idle } from '../helpers/plans-data.js'

const origin = 'http://localhost'
const token = 'a-token-for-tests'
const headers = { authorization: `Bearer ${token}`, origin, 'x-holdfast-action': '1' }

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

const ask = async (path: string, init: RequestInit = {}) =>
  await handler.fetch(new Request(`${origin}/_holdfast/api/queries${path}`, { headers, ...init }))
const read = async (path = '') => (await (await ask(path)).json()) as QueriesDocument

test('before anything was seen the verdict says what to do', async () => {
  const { isConnected, verdict, queries, opened } = await read()
  expect([isConnected, queries, opened]).toEqual([true, [], null])
  expect(verdict.fix).toContain('watch(db)')
})

test('gives statements over their routes, and one with its course, plans and findings', async () => {
  await fillPlans(box.ownerUrl)
  const { verdict, queries } = await read('?window=24h')
  expect(verdict.severity).toBe('act')
  expect(queries.map(({ id }) => id)).toEqual([flipped.id, idle.id])
  expect(queries[0]).toMatchObject({ text: flipped.text, route: 'GET /trades', routes: 2, plans: 2, finding: 'act' })
  expect(queries[1]).toMatchObject({ plans: 0, finding: 'watch', before: null })
  expect(queries.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)

  const { opened } = await read(`?window=1h&statement=${flipped.id}`)
  expect(opened).toMatchObject({ id: flipped.id, text: flipped.text, stepMs: 60_000, deploys: [{ label: 'v42' }] })
  // An hour of one statement is shown by its minutes.
  expect(opened?.history.length).toBeGreaterThan(20)
  expect(opened?.history.every(({ at }) => at >= (opened?.from ?? Infinity) && at <= (opened?.until ?? 0))).toBe(true)
  expect(opened?.routes.map(({ route }) => route)).toEqual(['GET /trades', 'GET /trades/export'])
  expect(new Set(opened?.lanes.map(({ shape }) => shape))).toEqual(new Set(flipped.shapes))
  expect(opened?.plans.map(({ tree }) => tree.op)).toEqual(['Sort', 'Sort'])
  expect(opened?.plans[0]?.facts?.['public.trades']).toMatchObject({ rows: 2_100_000, changed: 900_000 })
  expect(opened?.findings[0]).toMatchObject({ kind: 'plan-flip', severity: 'act', seen: 21 })
  expect(opened?.findings[0]?.evidence).toMatchObject({ beforeShape: flipped.shapes[0] })
  expect((await read(`?window=24h&statement=${flipped.id}`)).opened?.stepMs).toBe(3_600_000)
  expect((await read('?statement=12345')).opened).toBeNull()
})

test('a parameter that makes no sense is refused', async () => {
  for (const path of ['?window=1y', '?statement=abc', '?statement=9999999999999999999', '?statement=1%00'])
    expect((await ask(path)).status, path).toBe(400)
  expect((await ask('/advice', { method: 'POST' })).status).toBe(400)
})

test('an index is looked for by whoever can, and only when the page itself asks', async () => {
  const path = `/advice?statement=${flipped.id}`
  expect((await ask(path)).status).toBe(405)
  const foreign = { ...headers, origin: 'http://elsewhere.example' }
  expect((await ask(path, { method: 'POST', headers: foreign })).status).toBe(403)
  const own = await ask(path, { method: 'POST' })
  expect([own.status, await own.json()]).toEqual([200, { advice: expect.any(Array), refused: expect.any(Array) }])
  await expect(askAdvice(undefined, new URLSearchParams({ statement: flipped.id }))).rejects.toMatchObject({
    code: 'HF_HTTP_NO_ADVICE',
  })
  const answer: AdviceDocument = { advice: [], refused: ['The table has few rows.'] }
  const query = new URLSearchParams({ statement: flipped.id })
  expect(await askAdvice(async (id) => ({ ...answer, refused: [id] }), query)).toEqual({
    advice: [],
    refused: [flipped.id],
  })
})

test('without the tables, or a database that it can ask, it says so', async () => {
  const bare = await openTestDatabase({ migrated: false })
  const other = createHttp(bare.db, { token })
  const answer = await other.fetch(new Request(`${origin}/_holdfast/api/queries`, { headers }))
  expect(await answer.json()).toMatchObject({ isConnected: false, verdict: { fix: 'Run `holdfast migrate`.' } })
  other.close()
  await bare.close()
  const counting = createHttp({ stats: () => box.db.stats(), server: box.db.server }, { token })
  const blind = await counting.fetch(new Request(`${origin}/_holdfast/api/queries`, { headers }))
  expect(await blind.json()).toMatchObject({ isConnected: false, queries: [], opened: null })
  counting.close()
})

test('rows of other times cost nothing', async () => {
  await runAdmin(
    box.ownerUrl,
    `insert into holdfast.watch_series
       select 1, now() - n * interval '1 minute', p, 'GET /' || r, '', r, 1, 0, 0, 0, 0, 0, 1, '\\x0101', 0, '\\x', 0, 0
         from generate_series(200, 1399) n, generate_series(1, 2) p, generate_series(1, 100) r`,
  )
  await runAdmin(
    box.ownerUrl,
    `insert into holdfast.watch_sightings
       select 1, now() - n * interval '1 minute', r, 1, 1, 1
         from generate_series(200, 1399) n, generate_series(1, 100) r`,
  )
  await runAdmin(box.ownerUrl, 'analyze holdfast.watch_series, holdfast.watch_sightings')
  const startedAt = performance.now()
  const { queries, opened } = await read(`?window=15m&statement=${flipped.id}`)
  expect(performance.now() - startedAt).toBeLessThan(1_000)
  expect(queries).toHaveLength(2)
  expect(opened?.history.length).toBeGreaterThan(0)
})

test('a flip that really happened is told with its two plans', { timeout: 60_000 }, async () => {
  await box.db.query(`create table ticks as
    select n as id, n % 5000 as user_id, repeat('x', 100) as raw, now() - n * interval '1 s' as created_at
      from generate_series(1, 100000) n`)
  await box.db.query('create index ticks_user on ticks (user_id)')
  await box.db.query('analyze ticks')
  const watching = await watch(box.db, { logger: quietLogger, flushMs: 60_000 })
  const text = 'select * from ticks where user_id = $1 order by created_at desc limit 50'
  const run = async (times: number) => {
    for (let n = 0; n < times; n++) await box.db.query(text, [n % 500])
  }
  try {
    await run(200)
    // Its plan is asked for on a connection that takes its time: what nobody has seen cannot flip.
    await eventually(async () => {
      await run(5)
      expect(watching.stats().plans?.explained).toBeGreaterThanOrEqual(2)
    })
    await box.db.query('drop index ticks_user')
    await run(60)
    const opened = await eventually(
      async () => {
        await run(5)
        await watching.flush()
        const { queries } = await read('?window=15m')
        const id = queries.find((query) => query.text.startsWith('select * from ticks'))?.id ?? ''
        const { opened: found } = await read(`?window=15m&statement=${id}`)
        expect(found?.findings.map(({ kind }) => kind)).toContain('plan-flip')
        return found
      },
      { withinMs: 20_000, everyMs: 200 },
    )
    const { beforeShape, afterShape, lost } = opened?.findings[0]?.evidence ?? {}
    expect(opened?.plans.map(({ shape }) => shape)).toEqual(expect.arrayContaining([beforeShape, afterShape]))
    expect(lost).toMatchObject([{ relation: 'public.ticks', index: 'ticks_user', now: 'seq' }])
    expect(new Set(opened?.lanes.map(({ shape }) => shape))).toEqual(new Set([beforeShape, afterShape]))
  } finally {
    await watching.stop()
  }
})
