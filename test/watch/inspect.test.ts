import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inspectWatch, watch } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'
import { forgetSeries, totalOf, writeOutbound, writeSeries, type SeriesSpec } from '../helpers/watch-series.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const route = 'GET /orders'
const hour = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS)
const dayBefore = new Date(hour.getTime() - DAY_MS)

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
beforeEach(async () => await forgetSeries(box.ownerUrl))
afterAll(async () => await box.close())

const own = { minutes: 60, at: hour, route } as const

describe('first requests of a process', () => {
  /** A process that has run for long, and what one that has just started adds. */
  const writeDays = async (...added: Partial<SeriesSpec>[]) => {
    const usual: SeriesSpec = { ...own, calls: 400, typicalMs: 20, slowMs: 20 }
    const others = added.map((each, n): SeriesSpec => ({ ...usual, process: String(n + 2), ...each }))
    await writeSeries(box.ownerUrl, [usual, { ...usual, at: dayBefore }, ...others])
  }
  const read = async () => {
    const { routes, verdict } = await inspectWatch(box.db).overview()
    return { cold: routes[0]?.cold, verdict }
  }

  test('are told from the others: without them it is as fast as it was', async () => {
    const started = { calls: 10, typicalMs: 800, slowMs: 800, cold: 10, coldMs: 8_000 }
    await writeDays(started, started, started, started)
    const { cold, verdict } = await read()
    expect(cold).toMatchObject({ requests: 40, meanMs: 800, slowCold: 40 })
    expect(cold?.p95Without).toBeLessThan(25)
    expect(verdict).toMatchObject({ severity: 'watch', fix: expect.stringContaining('Warm a process up') })
    expect(verdict.sentence).toContain('among the first of a process; without them P95 is')
  })

  test('are not blamed where warm instances are slow, even if a process has just started', async () => {
    await writeDays(
      { typicalMs: 800, slowMs: 800 },
      { calls: 10, typicalMs: 800, slowMs: 800, cold: 10, coldMs: 8_000 },
    )
    const { cold, verdict } = await read()
    expect(cold).toMatchObject({ requests: 10, slow: expect.any(Number), slowCold: 10 })
    expect(cold?.slow).toBeGreaterThan(400)
    expect(cold?.p95Without).toBeGreaterThan(700)
    expect(verdict).toMatchObject({ severity: 'act', sentence: expect.not.stringContaining('first of a process') })
  })

  test('that were quick are not among the slow ones: their time would not suffice', async () => {
    await writeDays({ calls: 60, typicalMs: 800, slowMs: 800, cold: 10, coldMs: 100 })
    expect((await read()).cold).toMatchObject({ requests: 10, meanMs: 10, slowCold: expect.toSatisfy((n) => n <= 5) })
  })

  test('are left out whole where there is nothing to compare with, and P95 is of them', async () => {
    const started = { calls: 40, typicalMs: 800, slowMs: 900, cold: 40, coldMs: 33_000 }
    await writeSeries(box.ownerUrl, [
      { ...own, calls: 400, typicalMs: 20, slowMs: 20 },
      { ...own, process: '2', ...started },
    ])
    const { cold } = await read()
    expect(cold?.slowCold).toBe(cold?.slow)
    expect(cold?.p95Without).toBeLessThan(25)
  })

  test('are none where nothing was written of them', async () => {
    await writeDays()
    expect((await read()).cold).toMatchObject({ requests: 0, meanMs: 0, slowCold: 0 })
  })
})

describe('the event loop', () => {
  test('has a share of the time, which is no longer the rest', async () => {
    const spec = { ...own, calls: 100, typicalMs: 50, slowMs: 50 }
    const all = totalOf(spec)
    await writeSeries(box.ownerUrl, [{ ...spec, sqlMs: all * 0.5, loopMs: all * 0.3 }])
    const [found] = await inspectWatch(box.db).routes()
    expect(found?.shares).toEqual({
      pool: 0,
      sql: expect.closeTo(0.5),
      outbound: 0,
      loop: expect.closeTo(0.3),
      rest: expect.closeTo(0.2),
    })
  })
})

describe('other services', () => {
  test('are told by host, with what a request waited for each of them', async () => {
    const server = createServer((_request, response) => void setTimeout(() => response.end('ok'), 30))
    await new Promise<void>((resolve) => server.listen(0, resolve))
    const { port } = server.address() as AddressInfo
    const watching = await watch(box.db, { logger: quietLogger })
    try {
      const call = async (host: string) => await (await fetch(`http://${host}:${port}/pay?card=hush`)).text()
      for (const amount of [1, 2])
        await box.db.runRequest({ route }, async () => {
          for (let n = 0; n < amount; n++) await call('127.0.0.1')
          if (amount === 2) await call('localhost')
        })
      await watching.flush()
    } finally {
      await watching.stop()
      server.close()
    }
    const services = await inspectWatch(box.db).services({ route, windowMs: HOUR_MS - 1 })
    expect(services).toMatchObject([
      { route, segment: '', host: '127.0.0.1', requests: 2, before: null },
      { route, segment: '', host: 'localhost', requests: 1, before: null },
    ])
    // Two calls of 30 ms in one request are what it waited for that host.
    expect(services[0]?.latency.p99).toBeGreaterThan(58)
    expect(services.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
    expect(JSON.stringify(services)).not.toContain('hush')
  })

  test('of all routes or of one, compared with a day before, in one statement', async () => {
    await writeOutbound(box.ownerUrl, [
      { ...own, host: 'pay.example', calls: 10, totalMs: 4_000 },
      { ...own, host: 'mail.example', calls: 100, totalMs: 1_000 },
      { ...own, route: 'GET /rates', host: 'pay.example', calls: 10, totalMs: 500 },
      { ...own, at: dayBefore, host: 'pay.example', calls: 10, totalMs: 1_000 },
    ])
    const before = box.db.stats().query.count
    const all = await inspectWatch(box.db).services()
    expect(box.db.stats().query.count - before).toBe(1)
    expect(all.map(({ route: of, host, requests, share }) => [of, host, requests, share])).toEqual([
      [route, 'pay.example', 10, 0.8],
      [route, 'mail.example', 100, 0.2],
      ['GET /rates', 'pay.example', 10, 1],
    ])
    expect([all[0]?.latency.p95, all[0]?.before?.p95]).toEqual([expect.closeTo(400, -1), expect.closeTo(100, -1)])
    expect(await inspectWatch(box.db).services({ route: 'GET /rates', limit: 5 })).toHaveLength(1)
  })
})
