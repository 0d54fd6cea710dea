import {
  Histogram,
  type DbStats,
  type PoolStats,
  type RequestContext,
  type RouteStats,
  type ServerInfo,
} from '../../src/core/index.js'
import { createRequest, runWithRequest } from '../../src/core/context.js'
import type { ObservedDb, RequestDb } from '../../src/http/index.js'

interface CountedRoute extends RouteStats {
  latency: Histogram
}

/** Counts as core's Db does, without a database behind it. */
export class FakeDb implements ObservedDb, RequestDb {
  readonly server: ServerInfo = { version: '18.4', major: 18, ownsPool: true, pooler: 'none' }
  readonly pool: PoolStats = {
    max: 10,
    total: 4,
    idle: 4,
    busy: 0,
    waiting: 0,
    timeouts: 0,
    deadlocks: 0,
    idleTransactions: 0,
    nestedCheckouts: 0,
  }
  readonly acquire = new Histogram()
  readonly statements = new Histogram()
  readonly routes = new Map<string, CountedRoute>()
  /** Every request that has ended, in order. */
  readonly ended: RequestContext[] = []
  readonly #watchers = new Set<() => void>()

  stats(): DbStats {
    const { pool, acquire, statements: query, routes } = this
    return { pool, acquire, query, queryErrors: 0, transactions: 0, rollbacks: 0, routes, findings: [] }
  }

  runRequest<T>(
    init: { requestId?: string; route?: string },
    body: (context: RequestContext) => Promise<T>,
  ): Promise<T> {
    const context = createRequest(init)
    return runWithRequest(context, async () => {
      try {
        return await body(context)
      } finally {
        this.count(context.route, performance.now() - context.startedAt, context.status >= 500)
        this.ended.push(context)
        for (const watcher of this.#watchers) watcher()
      }
    })
  }

  count(route: string, ms: number, isError = false): void {
    let stats = this.routes.get(route)
    if (stats === undefined) this.routes.set(route, (stats = { count: 0, errors: 0, latency: new Histogram() }))
    stats.count++
    if (isError) stats.errors++
    stats.latency.record(ms)
  }

  /** Resolves when this many requests have ended. */
  async waitForEnded(count: number): Promise<readonly RequestContext[]> {
    while (this.ended.length < count) {
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher)
          resolve()
        }
        this.#watchers.add(watcher)
      })
    }
    return this.ended
  }
}
