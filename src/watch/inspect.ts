import { Histogram, readSqlstate, validateOptions, type Db } from '../core/index.js'
import { watchError } from './errors.js'
import type {
  RouteLatency,
  Shares,
  Spread,
  StatementLatency,
  WatchFilter,
  WatchInspector,
  WatchOverview,
} from './inspect-types.js'
import { watchFilterTable } from './options.js'
import { isSlower, judgeWatch } from './verdict.js'
import { readSeries, type ReadRow, type Window } from './store.js'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** From here on whole hours are read: sixty times fewer rows, which the event loop of who asks has to add up. */
const BY_HOURS_MS = HOUR_MS
/** Up to here all statements are judged; of longer windows those of routes that are slower than they were. */
const ALL_STATEMENTS_MS = 2 * HOUR_MS
const MOST_SLOWER = 3
/** Statements that a verdict looks at: those that take most of the time. */
const MOST_JUDGED = 200

/** What one series came to, in all processes, over a window. */
interface Sum {
  route: string
  segment: string
  statement: string
  text: string
  calls: number
  errors: number
  requests: number
  mostCalls: number
  rows: number
  bytes: number
  sqlMs: number
  outboundMs: number
  durations: Histogram
  waits: Histogram
}

/** Reads what all processes have seen. */
export function inspectWatch(db: Pick<Db, 'query'>): WatchInspector {
  async function read(isOfRoutes: boolean, filter: WatchFilter) {
    validateOptions('watch.inspect', filter, watchFilterTable)
    const { compareMs = DAY_MS, route, segment } = filter
    const window = toWindow(filter)
    const what = { isOfRoutes, route, segment }
    const earlier = { ...window, from: shift(window.from, compareMs), until: shift(window.until, compareMs) }
    // Minutes of yesterday may be gone; its hours are there.
    const before = compareMs >= DAY_MS ? toHours(earlier) : earlier
    const [now, earlierSums] = await Promise.all([readSums(db, window, what), readSums(db, before, what)])
    return { now: [...now.values()], earlierSums }
  }

  async function routes(filter: WatchFilter = {}): Promise<RouteLatency[]> {
    const { now, earlierSums } = await read(true, filter)
    return pickLongest(now, filter).map((sum) => ({
      route: sum.route,
      segment: sum.segment,
      requests: sum.calls,
      errors: sum.errors,
      latency: spread(sum.durations),
      wait: spread(sum.waits),
      shares: toShares(sum),
      before: spreadOf(earlierSums.get(keyOf(sum))),
    }))
  }

  async function statements(filter: WatchFilter = {}): Promise<StatementLatency[]> {
    const { now, earlierSums } = await read(false, filter)
    const ofRoute = new Map<string, number>()
    for (const { route, segment, durations } of now) {
      const key = JSON.stringify([route, segment])
      ofRoute.set(key, (ofRoute.get(key) ?? 0) + durations.totalMs)
    }
    return pickLongest(now, filter).map((sum) => ({
      route: sum.route,
      segment: sum.segment,
      id: sum.statement,
      text: sum.text,
      calls: sum.calls,
      errors: sum.errors,
      latency: spread(sum.durations),
      share: divide(sum.durations.totalMs, ofRoute.get(JSON.stringify([sum.route, sum.segment])) ?? 0),
      callsPerRequest: divide(sum.calls, sum.requests),
      mostCalls: sum.mostCalls,
      rowsPerCall: divide(sum.rows, sum.calls),
      bytesPerCall: divide(sum.bytes, sum.calls),
      before: spreadOf(earlierSums.get(keyOf(sum))),
    }))
  }

  async function overview(filter: WatchFilter = {}): Promise<WatchOverview> {
    const found = await routes(filter)
    const isShort = (filter.windowMs ?? HOUR_MS) <= ALL_STATEMENTS_MS
    const wanted = isShort
      ? [{ ...filter, limit: MOST_JUDGED }]
      : found
          .filter(isSlower)
          .slice(0, MOST_SLOWER)
          .map(({ route }) => ({ ...filter, route }))
    const ran = await Promise.all(wanted.map(statements))
    return { verdict: judgeWatch(found, ran.flat()), routes: found }
  }

  return { overview, routes, statements }
}

/** Those that took most of the time. */
function pickLongest(sums: readonly Sum[], { limit = 50 }: WatchFilter): Sum[] {
  return sums.toSorted((a, b) => b.durations.totalMs - a.durations.totalMs).slice(0, limit)
}

function toWindow({ until = new Date(), windowMs = HOUR_MS }: WatchFilter): Window {
  const window = { minutes: 1 as const, from: new Date(until.getTime() - windowMs), until }
  if (windowMs >= BY_HOURS_MS) return toHours(window)
  return { ...window, from: floor(window.from, MINUTE_MS) }
}

const toHours = ({ from, until }: Window): Window => ({ minutes: 60, from: floor(from, HOUR_MS), until })

async function readSums(
  db: Pick<Db, 'query'>,
  window: Window,
  what: Parameters<typeof readSeries>[2],
): Promise<Map<string, Sum>> {
  const sums = new Map<string, Sum>()
  for (const row of await readRows(db, window, what)) {
    const sum = sums.get(keyOf(row)) ?? emptySum(row)
    addRow(sum, row)
    sums.set(keyOf(row), sum)
  }
  return sums
}

async function readRows(...args: Parameters<typeof readSeries>): Promise<ReadRow[]> {
  try {
    return await readSeries(...args)
  } catch (error) {
    // No such table, no such schema, not allowed.
    if (!['42P01', '3F000', '42501'].includes(readSqlstate(error) ?? '')) throw error
    const message = 'The tables of watch are not there, or not to be read by this role.'
    throw watchError('HF_WATCH_NOT_INSTALLED', message, { cause: error })
  }
}

function emptySum({ route, segment, statement, text }: ReadRow): Sum {
  const zeros = { calls: 0, errors: 0, requests: 0, mostCalls: 0, rows: 0, bytes: 0, sqlMs: 0, outboundMs: 0 }
  const name = text ?? '(a statement that has been forgotten)'
  return { route, segment, statement, text: name, ...zeros, durations: new Histogram(), waits: new Histogram() }
}

/** Histograms are added bin by bin: percentiles of several processes are those of all that they saw. */
function addRow(sum: Sum, row: ReadRow): void {
  sum.calls += Number(row.calls)
  sum.errors += Number(row.errors)
  sum.requests += Number(row.requests)
  sum.mostCalls = Math.max(sum.mostCalls, row.most_calls)
  sum.rows += Number(row.rows)
  sum.bytes += Number(row.bytes)
  sum.sqlMs += row.sql_ms
  sum.outboundMs += row.outbound_ms
  sum.durations.addEncoded(row.bins, row.total_ms)
  sum.waits.addEncoded(row.wait_bins, row.wait_ms)
}

const keyOf = ({ route, segment, statement }: Pick<ReadRow, 'route' | 'segment' | 'statement'>): string =>
  JSON.stringify([route, segment, statement])

function spread(histogram: Histogram): Spread {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => histogram.percentileMs(share)) as [number, number, number]
  return { p50, p95, p99 }
}

const spreadOf = (sum: Sum | undefined): Spread | null => (sum ? spread(sum.durations) : null)

function toShares({ durations: { totalMs }, waits, sqlMs, outboundMs }: Sum): Shares {
  const [pool, sql, outbound] = [waits.totalMs, sqlMs, outboundMs].map((ms) => divide(ms, totalMs)) as [
    number,
    number,
    number,
  ]
  return { pool, sql, outbound, rest: Math.max(0, 1 - pool - sql - outbound) }
}

const divide = (a: number, b: number): number => (b === 0 ? 0 : a / b)
const shift = (date: Date, ms: number): Date => new Date(date.getTime() - ms)
const floor = (date: Date, ms: number): Date => new Date(Math.floor(date.getTime() / ms) * ms)
