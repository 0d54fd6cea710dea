import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Sampler } from '../../src/http/now.js'
import { RouteHistory } from '../../src/http/route-history.js'
import { FakeDb } from './fake-db.js'

let db: FakeDb
let sampler: Sampler

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'Date', 'performance'] })
  db = new FakeDb()
  sampler = new Sampler(db, () => '1.2.3')
})

afterEach(() => {
  sampler.stop()
  vi.useRealTimers()
})

function pass(seconds: number, each: (second: number) => void = () => undefined): void {
  for (let i = 0; i < seconds; i++) {
    each(i)
    vi.advanceTimersByTime(1000)
  }
}

function countMany(route: string, times: number, ms: number, errors = 0): void {
  for (let i = 0; i < times; i++) db.count(route, ms, i < errors)
}

describe('the sampler', () => {
  it('takes differences, not totals, and starts by itself', () => {
    countMany('GET /old', 500, 5)
    expect(sampler.read().seconds).toEqual([])
    pass(1, () => countMany('GET /a', 40, 12, 2))
    pass(1, () => countMany('GET /a', 10, 100))
    const { seconds } = sampler.read()
    expect(seconds.map(({ requests, errors }) => [requests, errors])).toEqual([
      [40, 2],
      [10, 0],
    ])
    expect(seconds[0]?.p95).toBeCloseTo(12, 0)
    expect(seconds[1]?.p50).toBeGreaterThan(95)
  })

  it('tells how busy the loop was, and what a thread was waited for', () => {
    sampler.start()
    pass(2)
    const { utilisation, threadpoolWaitMs } = sampler.latest ?? {}
    expect(utilisation).toBeGreaterThanOrEqual(0)
    expect(utilisation).toBeLessThanOrEqual(1)
    expect(threadpoolWaitMs).toBeGreaterThanOrEqual(0)
  })

  it('keeps two minutes', () => {
    sampler.start()
    pass(130)
    const { seconds } = sampler.read()
    expect(seconds).toHaveLength(120)
    expect(sampler.read(seconds[117]?.at).seconds).toHaveLength(2)
  })

  it('keeps the highest of the pool within a second, and the timeouts of it', () => {
    sampler.start()
    vi.advanceTimersByTime(300)
    Object.assign(db.pool, { busy: 9, waiting: 3, timeouts: 2 })
    vi.advanceTimersByTime(250)
    Object.assign(db.pool, { busy: 1, waiting: 0 })
    vi.advanceTimersByTime(500)
    expect(sampler.latest).toMatchObject({ poolBusy: 9, poolWaiting: 3, poolTimeouts: 2 })
    pass(1)
    expect(sampler.latest).toMatchObject({ poolBusy: 1, poolWaiting: 0, poolTimeouts: 0 })
  })

  it('rows cover ten seconds, busiest first, with the minute before', () => {
    sampler.start()
    pass(80, (i) => {
      countMany('GET /slow', 5, i < 69 ? 20 : 200)
      if (i < 60) countMany('GET /gone', 9, 5)
    })
    const { routes, overall } = sampler.read()
    expect(routes.map((row) => row.route)).toEqual(['GET /slow', 'GET /gone'])
    expect(routes[0]).toMatchObject({ recent: 50, perSecond: 5, total: 400 })
    expect(routes[0]?.p95).toBeGreaterThan(190)
    expect(routes[0]?.p95Before).toBeLessThan(25)
    expect(routes[1]).toMatchObject({ recent: 0, perSecond: 0, errorShare: 0, total: 540 })
    expect(overall).toMatchObject({ recent: 50, total: 940 })
  })

  it('leaves requests to the dashboard out of all figures', () => {
    sampler.start()
    pass(2, () => countMany('(holdfast)', 3, 60_000))
    const now = sampler.read()
    expect(now.routes).toEqual([])
    expect(now.overall.total).toBe(0)
    expect(now.seconds[0]?.requests).toBe(0)
  })

  it('bounds the rows', () => {
    for (let i = 0; i < 130; i++) db.count(`GET /r${i}`, 5)
    sampler.start()
    const { routes, routesOverflowed } = sampler.read()
    expect(routes).toHaveLength(101)
    expect(routesOverflowed).toBe(true)
    expect(routes.find((row) => row.route === '(overflow)')?.total).toBe(30)
  })

  it('stops', () => {
    sampler.start()
    sampler.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})

it('the history holds few views, however long it runs', () => {
  const history = new RouteHistory()
  for (let i = 0; i < 600; i++) {
    db.count('GET /a', 5)
    history.push(i * 1000, db.stats())
  }
  expect(history.size).toBeLessThan(24)
})
