import { describe, expect, it } from 'vitest'
import { judge, type RouteRow, type Second, type Verdict } from '../../src/http/index.js'

const pool = { max: 10, total: 10, busy: 3, idle: 7, waiting: 0, timeouts: 0 }

function second(change: Partial<Second> = {}): Second {
  return {
    at: 0,
    spanMs: 1000,
    requests: 40,
    errors: 0,
    p50: 5,
    p95: 12,
    p99: 20,
    loopP50: 0,
    loopP99: 1,
    loopMax: 2,
    utilisation: 0.1,
    threadpoolWaitMs: 0,
    acquireP95: 0.1,
    poolBusy: 3,
    poolWaiting: 0,
    poolTimeouts: 0,
    queries: 80,
    queryP95: 3,
    ...change,
  }
}

function row(change: Partial<RouteRow> = {}): RouteRow {
  const route = 'GET /orders/:id'
  return {
    route,
    recent: 410,
    perSecond: 41,
    errorShare: 0,
    p50: 5,
    p95: 12,
    p99: 20,
    p95Before: 11,
    total: 900,
    ...change,
  }
}

/** Ten quiet seconds, the last `count` of them changed. */
function course(change: Partial<Second>, count: number): Second[] {
  return Array.from({ length: 10 }, (_, i) => second(i >= 10 - count ? change : {}))
}

function brief({ severity, sentence }: Verdict): string {
  return `${severity}: ${sentence}`
}

describe('nothing is wrong', () => {
  it('says so with figures', () => {
    expect(judge([second()], [row()], pool)).toEqual({
      severity: 'ok',
      sentence: 'Nothing is wrong: 41 requests/s, P95 12 ms, 3 of 10 connections busy.',
      also: [],
    })
  })

  it('says when there is nothing to judge', () => {
    expect(brief(judge([], [], pool))).toBe('ok: Measuring: the first figures come within a second.')
    const idle = Array.from({ length: 90 }, () => second({ requests: 0 }))
    expect(brief(judge(idle, [], pool))).toBe('ok: No requests in the last minute.')
    const pause = [second(), ...idle.slice(0, 20)]
    expect(brief(judge(pause, [row({ perSecond: 0, recent: 0 })], pool))).toBe(
      'ok: Nothing is wrong: no requests in the last 10 seconds.',
    )
  })

  it('a minute is over after sixty seconds', () => {
    const long = [second(), ...Array.from({ length: 60 }, () => second({ requests: 0 }))]
    expect(judge(long, [], pool).sentence).toBe('No requests in the last minute.')
  })
})

describe('a starved pool', () => {
  const starved = { poolBusy: 10, poolWaiting: 4, acquireP95: 231 }

  it('is acted on when it lasts, watched when it was a burst', () => {
    expect(brief(judge(course(starved, 3), [row()], pool))).toBe(
      'act: Up to 4 callers were waiting for a connection while all 10 were busy (acquire wait P95 231 ms).',
    )
    expect(judge(course(starved, 1), [row()], pool).severity).toBe('watch')
    expect(judge(course({ ...starved, poolWaiting: 1 }, 1), [row()], pool).sentence).toMatch(/^1 caller was waiting/)
  })

  it('is none while connections are free, being opened, or the burst is over', () => {
    expect(judge(course({ ...starved, poolBusy: 9 }, 5), [row()], pool).severity).toBe('ok')
    const over = [...course(starved, 5), ...Array.from({ length: 5 }, () => second())]
    expect(judge(over, [row()], pool).severity).toBe('ok')
  })

  it('callers that gave up come first', () => {
    const verdict = judge(course({ ...starved, poolTimeouts: 2 }, 3), [row()], pool)
    expect(brief(verdict)).toBe(
      'act: 6 callers gave up waiting for a connection in the last 10 seconds; the pool has 10.',
    )
    expect(verdict.also).toHaveLength(1)
    expect(verdict.fix).toContain('pool.max')
  })
})

describe('a blocked loop', () => {
  it('is acted on above 200 ms', () => {
    expect(brief(judge(course({ loopMax: 412.4 }, 1), [row()], pool))).toBe(
      'act: The event loop was blocked for 412 ms: every request in this process waits meanwhile.',
    )
  })

  it('is watched when shorter and repeated', () => {
    expect(judge(course({ loopMax: 200 }, 2), [row()], pool).severity).toBe('ok')
    expect(judge(course({ loopMax: 200 }, 3), [row()], pool).severity).toBe('watch')
    expect(judge(course({ loopMax: 50 }, 9), [row()], pool).severity).toBe('ok')
  })
})

describe('failing routes', () => {
  const judgeRows = (...rows: RouteRow[]): Verdict => judge([second()], rows, pool)

  it('are named from 5 % of 20 requests on', () => {
    expect(brief(judgeRows(row(), row({ route: 'POST /orders', recent: 20, errorShare: 0.05 })))).toBe(
      'act: POST /orders failed 1 of 20 times (5 %) in the last 10 seconds.',
    )
    expect(judgeRows(row({ recent: 19, errorShare: 1 })).severity).toBe('ok')
    expect(judgeRows(row({ errorShare: 0.049 })).severity).toBe('watch')
    expect(judgeRows(row({ errorShare: 0.009 })).severity).toBe('ok')
  })

  it('the worst comes first', () => {
    const worst = row({ route: 'GET /b', errorShare: 0.5 })
    expect(judgeRows(row({ errorShare: 0.2 }), worst).sentence).toMatch(/^GET \/b failed/)
  })
})

describe('slower routes', () => {
  const slow = (p95Before: number | null, p95: number, recent = 100): Verdict =>
    judge([second()], [row({ p95Before, p95, recent })], pool)

  it('are acted on when P95 doubled and rose by 50 ms', () => {
    expect(brief(slow(89, 612))).toBe('act: GET /orders/:id became slower: P95 89 ms in the minute before, 612 ms now.')
    expect(slow(50, 100).severity).toBe('act')
    expect(slow(50, 99).severity).toBe('watch')
    expect(slow(2, 40).severity).toBe('watch')
    expect(slow(2, 20).severity).toBe('ok')
  })

  it('are not claimed without enough requests before and now', () => {
    expect(slow(null, 900).severity).toBe('ok')
    expect(slow(50, 900, 19).severity).toBe('ok')
  })
})

it('what needs somebody now stands before what is worth a look', () => {
  const verdict = judge(course({ loopMax: 100 }, 5), [row({ errorShare: 0.3 })], pool)
  expect(verdict.severity).toBe('act')
  expect(verdict.also[0]).toMatch(/event loop/)
})

describe('what the pool guard found', () => {
  const found = (code: string, lastAt: number) => ({
    code,
    message: `${code} at a line.`,
    fix: 'Pass tx.',
    count: 1,
    lastAt,
  })

  it('puts a deadlock on top while it is fresh, and a nested checkout to watch as long as the process lives', () => {
    const fresh = [found('HF_POOL_NESTED_CHECKOUT', Date.now()), found('HF_POOL_DEADLOCK', Date.now())]
    expect(judge([second()], [row()], pool, undefined, fresh)).toMatchObject({
      severity: 'act',
      sentence: 'HF_POOL_DEADLOCK at a line.',
      also: ['HF_POOL_NESTED_CHECKOUT at a line.'],
    })
    const old = [found('HF_POOL_NESTED_CHECKOUT', 0), found('HF_POOL_DEADLOCK', 0)]
    expect(judge([second()], [row()], pool, undefined, old)).toMatchObject({
      severity: 'watch',
      sentence: 'HF_POOL_NESTED_CHECKOUT at a line.',
      also: [],
    })
  })
})
