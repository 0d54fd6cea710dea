import type { HistogramView, RouteStats } from '../core/index.js'
import type { Second } from './contract.js'
import { boundRoutes } from './route-history.js'
import type { ObservedDb } from './types.js'

const requestBoundsMs = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000]
const databaseBoundsMs = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000]

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Prometheus text 0.0.4. At most 101 routes, so 13 + 2 series each, whatever callers ask for. */
export function formatMetrics(db: ObservedDb, version: string, latest: Second | undefined): string {
  const stats = db.stats()
  const out = new MetricsText()
  const routes = [...boundRoutes(stats.routes)]
  out.header('holdfast_requests_total', 'counter', 'Requests by route and outcome; error means status 500 and above.')
  for (const [route, { count, errors }] of routes) {
    out.line('holdfast_requests_total', { route, outcome: 'ok' }, count - errors)
    out.line('holdfast_requests_total', { route, outcome: 'error' }, errors)
  }
  writeRouteLatency(out, routes)
  out.header('holdfast_pool_acquire_wait_seconds', 'histogram', 'Time callers waited for a connection.')
  out.histogram('holdfast_pool_acquire_wait_seconds', {}, stats.acquire, databaseBoundsMs)
  out.header('holdfast_query_duration_seconds', 'histogram', 'Time statements took, without the wait for a connection.')
  out.histogram('holdfast_query_duration_seconds', {}, stats.query, databaseBoundsMs)
  out.single('holdfast_query_errors_total', 'counter', 'Statements that failed.', stats.queryErrors)
  out.single('holdfast_transactions_total', 'counter', 'Transactions begun.', stats.transactions)
  out.single('holdfast_rollbacks_total', 'counter', 'Transactions rolled back.', stats.rollbacks)
  out.header('holdfast_pool_connections', 'gauge', 'Connections by state.')
  out.line('holdfast_pool_connections', { state: 'busy' }, stats.pool.busy)
  out.line('holdfast_pool_connections', { state: 'idle' }, stats.pool.idle)
  out.single('holdfast_pool_max_connections', 'gauge', 'Most connections the pool may hold.', stats.pool.max)
  out.single('holdfast_pool_waiting', 'gauge', 'Callers waiting for a connection now.', stats.pool.waiting)
  out.single('holdfast_pool_timeouts_total', 'counter', 'Callers that gave up waiting.', stats.pool.timeouts)
  out.single('holdfast_pool_deadlocks_total', 'counter', 'Pool deadlocks that were broken.', stats.pool.deadlocks)
  writeLoopDelay(out, latest)
  out.header('holdfast_info', 'gauge', 'Versions of this process; always 1.')
  out.line('holdfast_info', { version, node: process.version, postgres: db.server.version }, 1)
  return out.text()
}

function writeRouteLatency(out: MetricsText, routes: readonly (readonly [string, RouteStats])[]): void {
  out.header('holdfast_request_duration_seconds', 'histogram', 'Time requests took until their response ended.')
  for (const [route, stats] of routes) {
    out.histogram('holdfast_request_duration_seconds', { route }, stats.latency, requestBoundsMs)
  }
}

function writeLoopDelay(out: MetricsText, latest: Second | undefined): void {
  if (latest === undefined) return
  out.header('holdfast_event_loop_delay_seconds', 'gauge', 'Event loop delay over the last second that ended.')
  out.line('holdfast_event_loop_delay_seconds', { quantile: '0.5' }, latest.loopP50 / 1000)
  out.line('holdfast_event_loop_delay_seconds', { quantile: '0.99' }, latest.loopP99 / 1000)
  out.line('holdfast_event_loop_delay_seconds', { quantile: '1' }, latest.loopMax / 1000)
}

class MetricsText {
  readonly #lines: string[] = []

  header(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
  }

  line(name: string, labels: Record<string, string>, value: number): void {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`)
    this.#lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`)
  }

  single(name: string, type: 'counter' | 'gauge', help: string, value: number): void {
    this.header(name, type, help)
    this.line(name, {}, value)
  }

  histogram(name: string, labels: Record<string, string>, view: HistogramView, boundsMs: readonly number[]): void {
    view.cumulative(boundsMs).forEach((count, i) => {
      this.line(`${name}_bucket`, { ...labels, le: String((boundsMs[i] as number) / 1000) }, count)
    })
    this.line(`${name}_bucket`, { ...labels, le: '+Inf' }, view.count)
    this.line(`${name}_sum`, labels, view.totalMs / 1000)
    this.line(`${name}_count`, labels, view.count)
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

/** A route is the user's text: a quote in it would end the label, a line break the sample. */
function escapeLabel(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}
