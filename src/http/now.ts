import { monitorEventLoopDelay, performance as meter } from 'node:perf_hooks'
import { hostname } from 'node:os'
import type { DbStats } from '../core/index.js'
import type { Instance, NowDocument, Second } from './contract.js'
import { ThreadpoolWait } from './threadpool-wait.js'
import { maxRoutes, overflowRoute, RouteHistory } from './route-history.js'
import type { ObservedDb } from './types.js'
import { judge } from './verdict.js'

const keptSeconds = 120
/** The pool's gauges are looked at this often, so that a queue shorter than a second is still seen. */
const gaugeMs = 250
const loopResolutionMs = 10

type Listener = (second: Second) => void

/** One second's figures of this process, kept for two minutes. */
export class Sampler {
  readonly #db: ObservedDb
  readonly #version: () => string
  readonly #loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
  readonly #threadpool = new ThreadpoolWait()
  #utilisation = meter.eventLoopUtilization()
  readonly #history = new RouteHistory()
  readonly #listeners = new Set<Listener>()
  readonly #startedAt = Math.round(performance.timeOrigin)
  readonly #seconds: Second[] = []
  #previous: DbStats | undefined
  #busiest = 0
  #mostWaiting = 0
  #openedAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(db: ObservedDb, version: () => string) {
    this.#db = db
    this.#version = version
  }

  /** Does nothing when it runs already. */
  start(): void {
    if (this.#timer !== undefined) return
    this.#loop.enable()
    this.#openSecond(this.#db.stats())
    this.#timer = setInterval(() => this.#look(), gaugeMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#loop.disable()
    this.#listeners.clear()
  }

  /** Hears each second as it ends; call the result to stop. */
  subscribe(listener: Listener): () => void {
    this.start()
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Everything that is known now, with the seconds that ended after `since`. */
  read(since = 0): NowDocument {
    this.start()
    const { rows, overall } = this.#history.rows()
    const { pool: now, findings } = this.#db.stats()
    const { max, total, busy, idle, waiting, timeouts } = now
    const pool = { max, total, busy, idle, waiting, timeouts }
    return {
      instance: this.#describeInstance(max),
      verdict: judge(this.#seconds, rows, pool, overall, findings),
      seconds: this.#seconds.filter((second) => second.at > since),
      overall,
      routes: rows.slice(0, maxRoutes + 1),
      routesOverflowed: rows.some((row) => row.route === overflowRoute),
      pool,
    }
  }

  /** The newest second that has ended, for gauges without a history of their own. */
  get latest(): Second | undefined {
    return this.#seconds.at(-1)
  }

  #look(): void {
    const stats = this.#db.stats()
    this.#notePool(stats)
    this.#threadpool.look()
    if (performance.now() - this.#openedAt >= 1000 - gaugeMs / 2) this.#closeSecond(stats)
  }

  #notePool({ pool }: DbStats): void {
    this.#busiest = Math.max(this.#busiest, pool.busy)
    this.#mostWaiting = Math.max(this.#mostWaiting, pool.waiting)
  }

  #openSecond(stats: DbStats): void {
    // Copies: the counters behind `stats` go on counting.
    this.#previous = {
      ...stats,
      pool: { ...stats.pool },
      acquire: stats.acquire.snapshot(),
      query: stats.query.snapshot(),
    }
    if (this.#openedAt === 0) this.#history.push(Date.now(), stats)
    this.#openedAt = performance.now()
    this.#busiest = 0
    this.#mostWaiting = 0
    this.#notePool(stats)
    this.#utilisation = meter.eventLoopUtilization()
    this.#loop.reset()
  }

  #closeSecond(stats: DbStats): void {
    // A clock that was set back must not make two seconds one: the live stream's ids are these times.
    const at = Math.max(Date.now(), (this.latest?.at ?? 0) + 1)
    const second = this.#measure(at, stats)
    this.#seconds.push(second)
    if (this.#seconds.length > keptSeconds) this.#seconds.shift()
    this.#openSecond(stats)
    for (const listener of this.#listeners) listener(second)
  }

  #measure(at: number, stats: DbStats): Second {
    const requests = this.#history.push(at, stats)
    const queries = stats.query.since(this.#previous?.query)
    const { utilization } = meter.eventLoopUtilization(this.#utilisation)
    const loopMax = toDelayMs(this.#loop.max)
    return {
      at,
      spanMs: Math.round(performance.now() - this.#openedAt),
      requests: requests.count,
      errors: requests.errors,
      p50: requests.latency.percentileMs(0.5),
      p95: requests.latency.percentileMs(0.95),
      p99: requests.latency.percentileMs(0.99),
      loopP50: toDelayMs(this.#loop.percentile(50)),
      loopP99: toDelayMs(this.#loop.percentile(99)),
      loopMax,
      utilisation: Math.round(utilization * 1_000) / 1_000,
      // A thread that was quick is not heard before the loop turns.
      threadpoolWaitMs: Math.round(10 * Math.max(0, this.#threadpool.take() - loopMax)) / 10,
      acquireP95: stats.acquire.since(this.#previous?.acquire).percentileMs(0.95),
      poolBusy: this.#busiest,
      poolWaiting: this.#mostWaiting,
      poolTimeouts: stats.pool.timeouts - (this.#previous?.pool.timeouts ?? 0),
      queries: queries.count,
      queryP95: queries.percentileMs(0.95),
    }
  }

  #describeInstance(poolMax: number): Instance {
    return {
      holdfast: this.#version(),
      node: process.version,
      postgres: this.#db.server.version,
      pid: process.pid,
      host: hostname(),
      startedAt: this.#startedAt,
      poolMax,
    }
  }
}

/** Node records the whole time between two of its own timers; the delay is what exceeds their distance. */
function toDelayMs(ns: number): number {
  const ms = ns / 1e6 - loopResolutionMs
  return Number.isFinite(ms) && ms > 0 && ms < 3.6e6 ? Math.round(ms * 10) / 10 : 0
}
