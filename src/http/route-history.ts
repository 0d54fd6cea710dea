import { Histogram, type DbStats, type HistogramView, type RouteStats } from '../core/index.js'
import type { RouteRow } from './contract.js'
import { ownRoute } from './route-label.js'

/** Rows and series are bounded: what comes later is counted together here. */
export const overflowRoute = '(overflow)'
export const maxRoutes = 100

const windowMs = 10_000
const baselineMs = 70_000
/** Fewer requests than this say nothing about a percentile. */
const minBaselineRequests = 20

interface Checkpoint {
  at: number
  isCoarse: boolean
  routes: ReadonlyMap<string, RouteStats>
}

/** The routes that get a row, in the order they first appeared, so that a counter never moves from its row into the overflow. */
export function boundRoutes(routes: ReadonlyMap<string, RouteStats>): Map<string, RouteStats> {
  const kept = new Map<string, RouteStats>()
  const beyond: RouteStats[] = []
  for (const [route, stats] of routes) {
    if (route === ownRoute) continue
    if (route === overflowRoute || kept.size >= maxRoutes) beyond.push(stats)
    else kept.set(route, stats)
  }
  if (beyond.length > 0) kept.set(overflowRoute, mergeRoutes(beyond))
  return kept
}

export function mergeRoutes(all: readonly RouteStats[]): RouteStats {
  const latency = new Histogram()
  let count = 0
  let errors = 0
  for (const stats of all) {
    count += stats.count
    errors += stats.errors
    if (stats.latency instanceof Histogram) latency.merge(stats.latency)
  }
  return { count, errors, latency }
}

/** Keeps what the ten-second rows and their minute before need: a view per second for ten seconds, older ones every ten. */
export class RouteHistory {
  #checkpoints: Checkpoint[] = []
  #ticks = 0

  /** Adds the state of now and answers with what happened since the previous call, all routes together. */
  push(at: number, stats: DbStats): RouteStats {
    const previous = this.#checkpoints.at(-1)?.routes
    const routes = new Map<string, RouteStats>()
    const changed: RouteStats[] = []
    for (const [route, now] of boundRoutes(stats.routes)) {
      const before = previous?.get(route)
      // A quiet route shares the older copy; 100 routes would else cost 370 kB a second.
      if (before !== undefined && before.count === now.count) routes.set(route, before)
      else {
        routes.set(route, { count: now.count, errors: now.errors, latency: now.latency.snapshot() })
        if (previous !== undefined) changed.push(subtract(now, before))
      }
    }
    this.#checkpoints.push({ at, isCoarse: this.#ticks++ % 10 === 0, routes })
    this.#thinOut(at)
    return mergeRoutes(changed)
  }

  /** Views held at the moment. */
  get size(): number {
    return this.#checkpoints.length
  }

  rows(): { rows: RouteRow[]; overall: RouteRow } {
    const now = this.#checkpoints.at(-1)
    if (now === undefined) return { rows: [], overall: makeRow('(all)', subtract(noRequests, undefined), 1, null, 0) }
    const start = this.#before(now.at - windowMs)
    const seconds = Math.max((now.at - start.at) / 1000, 1)
    const baseline = this.#before(now.at - baselineMs)
    const recent: RouteStats[] = []
    const rows: RouteRow[] = []
    for (const [route, stats] of now.routes) {
      const window = subtract(stats, start.routes.get(route))
      const minute = subtract(start.routes.get(route) ?? noRequests, baseline.routes.get(route))
      recent.push(window)
      const before = minute.count < minBaselineRequests ? null : minute.latency.percentileMs(0.95)
      rows.push(makeRow(route, window, seconds, before, stats.count))
    }
    const total = rows.reduce((sum, row) => sum + row.total, 0)
    rows.sort((a, b) => b.recent - a.recent || b.total - a.total)
    return { rows, overall: makeRow('(all)', mergeRoutes(recent), seconds, null, total) }
  }

  /** The newest checkpoint not younger than `at`, else the oldest there is. */
  #before(at: number): Checkpoint {
    const found = this.#checkpoints.findLast((checkpoint) => checkpoint.at <= at) ?? this.#checkpoints[0]
    return found as Checkpoint
  }

  /** Past the fine window only every tenth stays, and of those only what covers the minute before. */
  #thinOut(now: number): void {
    const edge = now - windowMs - 1_500
    this.#checkpoints = this.#checkpoints.filter((checkpoint) => checkpoint.isCoarse || checkpoint.at > edge)
    while ((this.#checkpoints[1]?.at ?? now) <= now - baselineMs) this.#checkpoints.shift()
  }
}

const noRequests: RouteStats = { count: 0, errors: 0, latency: new Histogram() }

function subtract(now: RouteStats, before: RouteStats | undefined): RouteStats {
  const latency: HistogramView = now.latency.since(before?.latency)
  return { count: now.count - (before?.count ?? 0), errors: now.errors - (before?.errors ?? 0), latency }
}

function makeRow(
  route: string,
  window: RouteStats,
  seconds: number,
  p95Before: number | null,
  total: number,
): RouteRow {
  return {
    route,
    recent: window.count,
    perSecond: window.count / seconds,
    errorShare: window.count === 0 ? 0 : window.errors / window.count,
    p50: window.latency.percentileMs(0.5),
    p95: window.latency.percentileMs(0.95),
    p99: window.latency.percentileMs(0.99),
    p95Before,
    total,
  }
}
