import { expect, test } from 'vitest'
import { Concurrency } from '../../src/overload/concurrency.js'

/** A pool of `places` in which a request takes `takesMs`: with more at once they wait for each other. */
function load(concurrency: Concurrency, places: number, takesMs: number, windows: number, startAt = 0): number {
  let now = startAt
  for (let n = 0; n < windows * 20; n++) {
    const { limit } = concurrency
    const jitter = 1 + (((n * 7_919) % 100) / 100 - 0.5) * 0.1
    now += takesMs / Math.min(places, limit)
    concurrency.reach()
    concurrency.record(takesMs * Math.max(1, limit / places) * jitter, limit === 1, now)
  }
  return now
}

function learnAlone(concurrency: Concurrency, takesMs: number): void {
  for (let n = 0; n < 30; n++) concurrency.record(takesMs, true, n * 10)
}

test('it settles where requests take about half as long again as alone', () => {
  for (const places of [2, 4, 10, 50]) {
    const concurrency = new Concurrency(1_000)
    learnAlone(concurrency, 10)
    load(concurrency, places, 10, 200, 1_000)
    expect(concurrency.limit).toBeGreaterThanOrEqual(places)
    expect(concurrency.limit).toBeLessThanOrEqual(places * 1.5 * 1.2 + 1)
  }
})

test('a service that has become slower is learned anew, not choked', () => {
  const concurrency = new Concurrency(1_000)
  learnAlone(concurrency, 10)
  const now = load(concurrency, 10, 10, 100, 1_000)
  load(concurrency, 10, 80, 400, now)
  expect(concurrency.aloneMs).toBeGreaterThan(50)
  expect(concurrency.limit).toBeGreaterThanOrEqual(8)
})

test('one slow request among many changes nothing, and without need it does not grow', () => {
  const concurrency = new Concurrency(1_000)
  learnAlone(concurrency, 10)
  const before = concurrency.limit
  for (let n = 0; n < 400; n++) concurrency.record(n % 20 === 0 ? 10_000 : 10, false, 1_000 + n * 5)
  expect(concurrency.limit).toBe(before)
})

test('a deadline that was given lets more of them wait inside', () => {
  const concurrency = new Concurrency(1_000, 200)
  learnAlone(concurrency, 10)
  load(concurrency, 4, 10, 400, 1_000)
  expect(concurrency.limit).toBeGreaterThanOrEqual(36)
  expect(concurrency.limit).toBeLessThanOrEqual(48)
})
