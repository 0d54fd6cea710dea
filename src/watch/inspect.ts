import type { Db } from '../core/index.js'
import { autopsy } from './autopsy/autopsy.js'
import { readClash, readClashes } from './clash/inspect.js'
import { judgeCold } from './cold-starts.js'
import { readFindings, readQueries, readQuery } from './inspect-plans.js'
import { readServices } from './inspect-services.js'
import type {
  RouteLatency,
  Shares,
  StatementLatency,
  WatchFilter,
  WatchInspector,
  WatchOverview,
} from './inspect-types.js'
import { divide, keyOf, pickLongest, readBoth, spread, spreadOf, type Sum } from './sums.js'
import { isSlower, judgeWatch } from './verdict.js'

const HOUR_MS = 3_600_000
/** Up to here all statements are judged; of longer windows those of routes that are slower than they were. */
const ALL_STATEMENTS_MS = 2 * HOUR_MS
const MOST_SLOWER = 3
/** Statements that a verdict looks at: those that take most of the time. */
const MOST_JUDGED = 200

/** Reads what all processes have seen. */
export function inspectWatch(db: Pick<Db, 'query'>): WatchInspector {
  async function routes(filter: WatchFilter = {}): Promise<RouteLatency[]> {
    const { now, earlierSums } = await readBoth(db, true, filter)
    return pickLongest(now, filter).map((sum) => {
      const before = spreadOf(earlierSums.get(keyOf(sum)))
      return {
        route: sum.route,
        segment: sum.segment,
        requests: sum.calls,
        errors: sum.errors,
        latency: spread(sum.durations),
        wait: spread(sum.waits),
        shares: toShares(sum),
        cold: judgeCold(sum, before?.p95),
        before,
      }
    })
  }

  async function statements(filter: WatchFilter = {}): Promise<StatementLatency[]> {
    const { now, earlierSums } = await readBoth(db, false, filter)
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
      // Those that ran when their request had ended are calls, and of no request.
      callsPerRequest: Math.min(divide(sum.calls, sum.requests), sum.mostCalls),
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

  return {
    overview,
    routes,
    statements,
    services: async (filter) => await readServices(db, filter),
    findings: async (filter) => await readFindings(db, filter),
    queries: async (filter) => await readQueries(db, filter),
    query: async (id, filter) => await readQuery(db, id, filter),
    clashes: async (filter) => await readClashes(db, filter),
    clash: async (id) => await readClash(db, id),
    autopsy: async (options) => await autopsy(db, options),
  }
}

function toShares({ durations: { totalMs }, waits, sqlMs, outboundMs, loopMs }: Sum): Shares {
  const share = (ms: number): number => divide(ms, totalMs)
  const [pool, sql, outbound, loop] = [share(waits.totalMs), share(sqlMs), share(outboundMs), share(loopMs)]
  return { pool, sql, outbound, loop, rest: Math.max(0, 1 - pool - sql - outbound - loop) }
}
