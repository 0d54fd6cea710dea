import { describe, expect, test } from 'vitest'
import type { RouteLatency, StatementLatency } from '../../src/watch/index.js'
import { judgeWatch } from '../../src/watch/verdict.js'

const spread = (p95: number) => ({ p50: p95 / 4, p95, p99: p95 * 2 })
const route = (changes: Partial<RouteLatency> = {}): RouteLatency => ({
  route: 'GET /trades',
  segment: '',
  requests: 500,
  errors: 0,
  latency: spread(120),
  wait: spread(0),
  shares: { pool: 0.02, sql: 0.9, outbound: 0, loop: 0.01, rest: 0.07 },
  cold: { requests: 0, meanMs: 0, slow: 25, slowCold: 0, p95Without: 120 },
  before: spread(118),
  ...changes,
})
const statement = (changes: Partial<StatementLatency> = {}): StatementLatency => ({
  route: 'GET /trades',
  segment: '',
  id: '7',
  text: 'select * from trades where user_id = $1 order by created_at desc limit $2',
  calls: 500,
  errors: 0,
  latency: spread(110),
  share: 0.95,
  callsPerRequest: 1,
  mostCalls: 1,
  rowsPerCall: 50,
  bytesPerCall: 9_000,
  before: spread(100),
  ...changes,
})

describe('the verdict', () => {
  test('is calm where nothing is slower than it was', () => {
    expect(judgeWatch([route()], [statement()])).toEqual({
      severity: 'ok',
      sentence: 'No route is slower than it was. The slowest is GET /trades, with a P95 of 120 ms.',
      also: [],
    })
    expect(judgeWatch([], []).fix).toContain('watch(db)')
    expect(judgeWatch([route({ before: null })], []).sentence).toContain('no earlier time')
  })

  test('of the story: P95 from 120 to 600 ms overnight, and in which statement', () => {
    const slow = route({ latency: spread(600), before: spread(120) })
    const verdict = judgeWatch([slow], [statement({ latency: spread(540) })])
    expect(verdict).toMatchObject({
      severity: 'act',
      sentence:
        'P95 of GET /trades is 600 ms, it was 120 ms: 90 % of its time is statements, above all select * from trades where user_id = $1 order by created_at desc limit $2 (P95 540 ms).',
    })
    expect(verdict.fix).toContain('explain')
  })

  test('names the part that takes the time', () => {
    const slow = { latency: spread(600), before: spread(120) }
    const parts = { pool: 0, sql: 0, outbound: 0, loop: 0, rest: 0 }
    for (const [part, words] of [
      ['pool', 'waiting for a connection'],
      ['outbound', 'other services'],
      ['loop', 'the event loop'],
      ['rest', 'its own code'],
    ] as const)
      expect(judgeWatch([route({ ...slow, shares: { ...parts, [part]: 1 } })], []).sentence).toContain(words)
  })

  test('tells that the event loop was late where something else takes more of the time', () => {
    const slow = { latency: spread(600), before: spread(120) }
    const shares = { pool: 0, sql: 0.8, outbound: 0, loop: 0.6, rest: 0 }
    expect(judgeWatch([route({ ...slow, shares })], []).sentence).toMatch(
      /80 % of its time is statements; the event loop was late for 60 % of it\.$/,
    )
  })

  test('tells cold starts from a route that is slow on warm instances, too', () => {
    const slow = { latency: spread(600), before: spread(120) }
    const cold = { requests: 40, meanMs: 700, slow: 45, slowCold: 38, p95Without: 125 }
    expect(judgeWatch([route({ ...slow, cold })], [])).toMatchObject({
      severity: 'watch',
      sentence:
        'P95 of GET /trades is 600 ms, it was 120 ms: up to 38 of the 45 requests that are slower than that can have been among the first of a process; without them P95 is 125 ms.',
      fix: expect.stringContaining('Warm a process up'),
    })
    const warm = judgeWatch([route({ ...slow, cold: { ...cold, slow: 90, p95Without: 540 } })], [])
    expect([warm.severity, warm.sentence]).toEqual(['act', expect.stringContaining('90 % of its time is statements')])
    const all = route({ ...slow, cold: { ...cold, slow: 38, p95Without: 0 } })
    expect(judgeWatch([all], []).sentence).toMatch(/among the first of a process\.$/)
  })

  test('does not speak of few requests, nor of a few milliseconds', () => {
    expect(judgeWatch([route({ requests: 5, latency: spread(900) })], []).severity).toBe('ok')
    expect(judgeWatch([route({ latency: spread(9), before: spread(2) })], []).severity).toBe('ok')
    expect(judgeWatch([route({ latency: spread(60), before: spread(30) })], []).severity).toBe('watch')
  })

  test('speaks of failures and of N + 1, the most urgent first', () => {
    const failing = route({ route: 'POST /pay', errors: 100 })
    const repeated = statement({ callsPerRequest: 42, calls: 21_000, mostCalls: 60 })
    const verdict = judgeWatch([route(), failing], [repeated])
    expect(verdict).toMatchObject({ severity: 'act', sentence: '100 of 500 requests to POST /pay failed.' })
    expect(verdict.also[0]).toContain('runs one statement 42 times in a request')
  })

  test('cuts long statements', () => {
    const slow = route({ latency: spread(600) })
    const { sentence } = judgeWatch([slow], [statement({ text: 'x'.repeat(5_000) })])
    expect(sentence.length).toBeLessThan(300)
  })
})
