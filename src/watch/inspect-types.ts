import type { Autopsy, AutopsyOptions } from './autopsy/types.js'
import type { ClashesOverview, ClashFilter, FoundClash } from './clash/inspect-types.js'
import type { FindingFilter, FindingsOverview, QueryDetails, QueryLatency } from './inspect-plan-types.js'

/** Of durations; 0 where there was none. @unit ms */
export interface Spread {
  p50: number
  p95: number
  p99: number
}

/**
 * Where the time of a route's requests went. They add up to 1, unless parts of a request ran beside each other, or an
 * answer waited for the event loop: it is counted as waited for in both.
 */
export interface Shares {
  /** Waited for a connection. */
  pool: number
  /** Waited for statements. */
  sql: number
  /** Waited for other services. */
  outbound: number
  /** The event loop was late by so much while they were under way, for their own work or another's. */
  loop: number
  /** The rest: code that keeps the loop for less than 10 ms, and what else it awaits, such as a saga. */
  rest: number
}

/**
 * The first ten requests of a route in a process: code not compiled, connections and caches not there yet. Of them their
 * amount and their time are kept, not how long each took.
 */
export interface ColdStarts {
  requests: number
  /** @unit ms */
  meanMs: number
  /** Requests of the route, first or not, that were slower than P95 of `before`; without it, than their own. */
  slow: number
  /** So many of these were first ones, at most. */
  slowCold: number
  /** P95 of all others, at least. 0: there were none. @unit ms */
  p95Without: number
}

export interface RouteLatency {
  route: string
  segment: string
  requests: number
  errors: number
  latency: Spread
  /** For a connection. */
  wait: Spread
  shares: Shares
  cold: ColdStarts
  /** The same of the window before, as asked for by `compareMs`; null: there was nothing. */
  before: Spread | null
}

export interface StatementLatency {
  route: string
  segment: string
  /** Its fingerprint. `0`: statements that were not kept apart. */
  id: string
  /** Without literals. */
  text: string
  calls: number
  errors: number
  latency: Spread
  /** Of all that statements of this route took. */
  share: number
  /** On average, in the requests in which it ran at all. */
  callsPerRequest: number
  /** In one request, at most. */
  mostCalls: number
  rowsPerCall: number
  /** As they came over the wire. */
  bytesPerCall: number
  before: Spread | null
}

/** Another service that requests of a route waited for, by HTTP. */
export interface ServiceLatency {
  route: string
  segment: string
  /** Its name, without port and path. `(overflow)`: of a process, those beyond the first 50. */
  host: string
  /** Requests that called it, once or more often. */
  requests: number
  /** What one of these waited for it in all. */
  latency: Spread
  /** Of all that requests of the route waited for other services. */
  share: number
  before: Spread | null
}

export interface WatchFilter {
  /** The window ends then. Default: now. */
  until?: Date
  /** Its length; from an hour up it is made of whole hours. Default: 3 600 000 ms (1 hour). */
  windowMs?: number
  /** The same window so long before is looked at too. Default: 86 400 000 ms (a day). */
  compareMs?: number
  route?: string
  /** Default: all of them, each by itself. */
  segment?: string
  /** Default: 50. */
  limit?: number
}

export interface WatchVerdict {
  severity: 'ok' | 'watch' | 'act'
  sentence: string
  fix?: string
  /** What else was seen, the most urgent first. */
  also: string[]
}

export interface WatchOverview {
  verdict: WatchVerdict
  routes: RouteLatency[]
}

export interface WatchInspector {
  /** Is anything slower than it was, failing, or asked for one by one? */
  overview(filter?: WatchFilter): Promise<WatchOverview>
  /** The routes that took most of the time first. */
  routes(filter?: WatchFilter): Promise<RouteLatency[]>
  /** The statements that took most of the time first. */
  statements(filter?: WatchFilter): Promise<StatementLatency[]>
  /** Other services that requests waited for, those that took most of the time first. */
  services(filter?: WatchFilter): Promise<ServiceLatency[]>
  /** What was found: flipped plans, rows that are multiplied, statements that are asked for one by one. */
  findings(filter?: FindingFilter): Promise<FindingsOverview>
  /** Statements over all routes, those that took most of the time first, with how many plans they had. */
  queries(filter?: WatchFilter): Promise<QueryLatency[]>
  /** One of them by its id: when it had which plan, and how long it took. Undefined: nobody has seen it. */
  query(id: string, filter?: WatchFilter): Promise<QueryDetails | undefined>
  /** Pairs of requests that can collide, those that really met most often first. */
  clashes(filter?: ClashFilter): Promise<ClashesOverview>
  /** One of them by its id. Undefined: nobody has seen it, or it has been forgotten. */
  clash(id: string): Promise<FoundClash | undefined>
  /** Why a route has become slower: since when, who is to blame and who is not, what changed, and what helps. */
  autopsy(options?: AutopsyOptions): Promise<Autopsy>
}
