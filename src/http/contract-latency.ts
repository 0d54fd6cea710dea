// The JSON of the page Latency. Types only, as in contract.ts.

import type { Percentiles, Verdict } from './contract.js'

/** Over the window that was asked for; 0 where there was none. @unit ms */
export interface LatencyRouteRow {
  route: string
  /** '' without segments. */
  segment: string
  requests: number
  errors: number
  latency: Percentiles
  /** For a connection. */
  wait: Percentiles
  /** Where the time went; they add up to 1, unless parts of a request ran beside each other or waited for the event loop. */
  shares: { pool: number; sql: number; outbound: number; loop: number; rest: number }
  cold: LatencyColdStarts
  /** The same a day before; null: there was nothing. */
  before: Percentiles | null
}

/** The first ten requests of the route in a process. */
export interface LatencyColdStarts {
  requests: number
  /** @unit ms */
  meanMs: number
  /** All requests that were slower than P95 of a day before; without one, than P95. */
  slow: number
  /** So many of these were first ones, at most. */
  slowCold: number
  /** P95 of all others, at least; 0: there were none. @unit ms */
  p95Without: number
}

/** What one process did for a route while it was looked at. */
export interface ProfileDocument {
  /** `''`: no request ran. */
  route: string
  /** It was looked at for so long. @unit ms */
  ms: number
  /** What the route's requests used of the main thread. @unit ms */
  cpuMs: number
  functions: ProfiledFunctionRow[]
  /** All routes; `''`: outside of requests. */
  routes: { route: string; cpuMs: number }[]
  /** For Chrome's developer tools. */
  cpuprofile: object
}

export interface ProfiledFunctionRow {
  name: string
  /** `src/report.ts:41`; `''`: V8's own. */
  place: string
  /** @unit ms */
  selfMs: number
  /** With what it called. @unit ms */
  totalMs: number
  /** `selfMs` of `cpuMs`. */
  share: number
}

/** Another service that requests of the route waited for, by HTTP. */
export interface LatencyServiceRow {
  /** `(overflow)`: of a process, those beyond the first 50. */
  host: string
  segment: string
  /** Requests that called it, once or more often. */
  requests: number
  /** What one of these waited for it in all. */
  latency: Percentiles
  /** Of all that requests of this route waited for other services. */
  share: number
  before: Percentiles | null
}

export interface LatencyStatementRow {
  id: string
  segment: string
  /** Without literals. */
  text: string
  calls: number
  errors: number
  latency: Percentiles
  /** Of all that statements of this route took. */
  share: number
  callsPerRequest: number
  mostCalls: number
  rowsPerCall: number
  bytesPerCall: number
  before: Percentiles | null
}

/** `GET /_holdfast/api/latency?window=1h&route=`. */
export interface LatencyDocument {
  /** False: the tables of watch cannot be read; the verdict says why, the lists are empty. */
  isConnected: boolean
  verdict: Verdict
  /** Those that took most of the time first, at most 100, of all processes. */
  routes: LatencyRouteRow[]
  /** Of the route that was asked for, at most 50; null: none was. */
  statements: LatencyStatementRow[] | null
  /** The same of other services. */
  services: LatencyServiceRow[] | null
}
