import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttp } from '../../src/http/index.js'
import type { LatencyDocument, ProfileDocument } from '../../src/http/contract.js'
import { watch, type Watch } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'
import { writeOutbound, writeSeries } from '../helpers/watch-series.js'

const origin = 'http://localhost'
const token = 'a-token-for-tests'
const headers = { authorization: `Bearer ${token}` }

let box: TestDatabase
let watching: Watch
let handler: ReturnType<typeof createHttp>
beforeAll(async () => {
  box = await openTestDatabase()
  watching = await watch(box.db, { logger: quietLogger })
  handler = createHttp(box.db, { token })
})
afterAll(async () => {
  handler.close()
  await watching.stop()
  await box.close()
})

const ask = async (path: string) =>
  await handler.fetch(new Request(`${origin}/_holdfast/api/latency${path}`, { headers }))
const read = async (path = '') => (await (await ask(path)).json()) as LatencyDocument

test('before anything was seen the verdict says what to do', async () => {
  const { isConnected, verdict, routes, statements, services } = await read()
  expect([isConnected, routes, statements, services]).toEqual([true, [], null, null])
  expect(verdict.fix).toContain('watch(db)')
})

test('gives routes, and the statements of the one that is asked for', async () => {
  await box.db.runRequest({ route: 'GET /things' }, async () => await box.db.query(`select 'secret'`))
  await watching.flush()
  const { verdict, routes, statements } = await read('?window=15m&route=GET+%2Fthings')
  expect(verdict).toMatchObject({ severity: 'ok', also: [] })
  expect(routes).toMatchObject([{ route: 'GET /things', segment: '', requests: 1, errors: 0, before: null }])
  expect(statements).toMatchObject([{ text: 'select $1', calls: 1, share: 1, callsPerRequest: 1 }])
  expect((await read('?window=7d')).routes).toHaveLength(1)
  expect(await read('?route=GET+%2Fnowhere')).toMatchObject({ statements: [], services: [] })
})

test('tells of the event loop, first requests of a process, and other services by host', async () => {
  const own = { minutes: 60, at: new Date(), route: 'GET /pay' } as const
  await writeSeries(box.ownerUrl, [
    { ...own, calls: 100, typicalMs: 100, slowMs: 300, loopMs: 2_400, cold: 10, coldMs: 900 },
  ])
  await writeOutbound(box.ownerUrl, [{ ...own, host: 'pay.example', calls: 50, totalMs: 500 }])
  const { routes, services } = await read('?route=GET+%2Fpay')
  const found = routes.find(({ route }) => route === 'GET /pay')
  expect(found).toMatchObject({ shares: { loop: expect.closeTo(0.2, 1) }, cold: { requests: 10, meanMs: 90 } })
  // They took 900 ms together: of requests that took more than 285 ms three at most can be among them.
  expect(found?.cold.slowCold).toBeLessThanOrEqual(3)
  expect(services).toMatchObject([{ host: 'pay.example', segment: '', requests: 50, share: 1, before: null }])
  expect(services?.[0]?.latency.p95).toBeCloseTo(10, 0)
})

test('a parameter that makes no sense is refused', async () => {
  expect((await ask('?window=1y')).status).toBe(400)
  expect((await ask(`?route=${'x'.repeat(400)}`)).status).toBe(400)
})

test('without the tables, or a database that it can ask, it says so', async () => {
  const bare = await openTestDatabase({ migrated: false })
  const other = createHttp(bare.db, { token })
  const answer = await other.fetch(new Request(`${origin}/_holdfast/api/latency`, { headers }))
  expect(await answer.json()).toMatchObject({ isConnected: false, verdict: { fix: 'Run `holdfast migrate`.' } })
  other.close()
  await bare.close()
  const counting = createHttp({ stats: () => box.db.stats(), server: box.db.server }, { token })
  const blind = await counting.fetch(new Request(`${origin}/_holdfast/api/latency`, { headers }))
  expect(await blind.json()).toMatchObject({ isConnected: false, routes: [] })
  counting.close()
})

test('a route is profiled where it is asked for from the page, and nowhere else', async () => {
  const post = async (path: string, more: object = {}) =>
    await handler.fetch(
      new Request(`${origin}/_holdfast/api/latency/profile${path}`, {
        method: 'POST',
        headers: { ...headers, ...more },
      }),
    )
  const own = { origin, host: 'localhost', 'x-holdfast-action': '1' }
  expect((await post('?route=GET+%2Fthings')).status).toBe(403)
  expect((await post('?seconds=99', own)).status).toBe(400)
  const answering = post('?route=GET+%2Fthings&seconds=1', own)
  const work = async () => {
    const until = performance.now() + 50
    while (performance.now() < until);
    await Promise.resolve()
  }
  for (let n = 0; n < 3; n++) await box.db.runRequest({ route: 'GET /things' }, work)
  const profile = (await (await answering).json()) as ProfileDocument
  expect(profile).toMatchObject({ route: 'GET /things', functions: expect.any(Array) as unknown })
  expect(profile.cpuMs).toBeGreaterThan(50)
})
