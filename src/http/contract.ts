// The JSON that the dashboard and the CLI read. Types only: both sides import it, nothing here runs.

/** A percentile triple over the last ten seconds. @unit ms */
export interface Percentiles {
  p50: number
  p95: number
  p99: number
}

export interface RouteRow extends Percentiles {
  /** The pattern, never a raw path. */
  route: string
  /** Requests in the last ten seconds. */
  recent: number
  /** Requests per second over the last ten seconds. */
  perSecond: number
  /** Share of responses with status 500 and above over the last ten seconds, 0 to 1. */
  errorShare: number
  /** P95 over the minute before the last ten seconds; null when it had fewer than 20 requests. @unit ms */
  p95Before: number | null
  /** Requests since this process started. */
  total: number
}

/** One second of this process. */
export interface Second extends Percentiles {
  /** Milliseconds since the epoch, at the end of the second. */
  at: number
  /** How long it really took: more than 1,000 when the event loop was blocked, so divide counts by it. @unit ms */
  spanMs: number
  requests: number
  errors: number
  /** Event loop delay: how late a timer ran. @unit ms */
  loopP50: number
  loopP99: number
  loopMax: number
  /** Waiting for a connection. @unit ms */
  acquireP95: number
  /** Connections in use and callers waiting, highest seen in the second. */
  poolBusy: number
  poolWaiting: number
  /** Callers that gave up waiting for a connection. */
  poolTimeouts: number
  /** Statements finished. */
  queries: number
  queryP95: number
}

export type Severity = 'ok' | 'watch' | 'act'

/** The answer to "is anything wrong?". */
export interface Verdict {
  severity: Severity
  /** One plain sentence with its numbers. */
  sentence: string
  /** What to do about it; absent when all is well. */
  fix?: string
  /** Other signs seen at the same time, most urgent first. */
  also: string[]
}

export interface Instance {
  holdfast: string
  node: string
  postgres: string
  pid: number
  host: string
  startedAt: number
  poolMax: number
}

/** `GET /_holdfast/api/now`, and each message of `GET /_holdfast/api/live`. */
export interface NowDocument {
  /** Which process answers; the figures are this process's own. */
  instance: Instance
  verdict: Verdict
  /** Oldest first, at most 120. A live message carries those since the last one the client has, normally one. */
  seconds: Second[]
  /** All routes together over the last ten seconds. */
  overall: RouteRow
  /** Busiest first. */
  routes: RouteRow[]
  /** Routes beyond the limit are counted together under `(overflow)`. */
  routesOverflowed: boolean
  pool: { max: number; total: number; busy: number; idle: number; waiting: number; timeouts: number }
}

export interface PageEntry {
  name: string
  title: string
  /** Relative to the dashboard's base, because a proxy may add a prefix that this process never sees. */
  path: string
}

/** `GET /_holdfast/api/pages`: only pages that exist. */
export interface PagesDocument {
  pages: PageEntry[]
  /** The caller came with a login cookie, so there is something to log out of. */
  hasSession: boolean
}
