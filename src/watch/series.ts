import { Histogram, OVERFLOW_ROUTE } from '../core/index.js'
import { overflow, requestsOf, type Statement } from './parser.js'

/** A statement's share in one request, or outside of any. */
export interface Sighting {
  statement: Statement
  ms: number
  /** By performance.now(). @unit ms */
  endedAt: number
  rows: number
  bytes: number
  isFailed: boolean
}

/** How a request ended, and where its time went. @unit ms */
export interface Ended {
  ms: number
  isFailed: boolean
  waitMs: number
  sqlMs: number
  outboundMs: number
  outboundByHost: ReadonlyMap<string, number> | undefined
  loopMs: number
  /** Among the first of its route since the process began. */
  isFirst: boolean
}

/** What is counted of a series, in a minute or an hour. */
export class Tally {
  calls = 0
  errors = 0
  requests = 0
  /** Of the request that is being counted; 0 between requests. */
  callsOfRequest = 0
  mostCalls = 0
  rows = 0
  bytes = 0
  sqlMs = 0
  outboundMs = 0
  loopMs = 0
  cold = 0
  coldMs = 0
  /** Of a route, by host. */
  readonly hosts = new Map<string, Histogram>()
  readonly durations = new Histogram()
  /** Of a route alone. */
  readonly waits: Histogram | undefined

  constructor(isOfRoute: boolean) {
    this.waits = isOfRoute ? new Histogram() : undefined
  }

  add(other: Tally): void {
    this.calls += other.calls
    this.errors += other.errors
    this.requests += other.requests
    this.mostCalls = Math.max(this.mostCalls, other.mostCalls)
    this.rows += other.rows
    this.bytes += other.bytes
    this.sqlMs += other.sqlMs
    this.outboundMs += other.outboundMs
    this.loopMs += other.loopMs
    this.cold += other.cold
    this.coldMs += other.coldMs
    for (const [host, durations] of other.hosts) this.host(host).merge(durations)
    this.durations.merge(other.durations)
    if (other.waits) this.waits?.merge(other.waits)
  }

  host(name: string): Histogram {
    const durations = this.hosts.get(name) ?? new Histogram()
    this.hosts.set(name, durations)
    return durations
  }

  copy(): Tally {
    const copy = new Tally(this.waits !== undefined)
    copy.add(this)
    return copy
  }

  reset(): void {
    this.calls = this.errors = this.requests = this.mostCalls = this.rows = this.bytes = 0
    this.sqlMs = this.outboundMs = this.loopMs = this.cold = this.coldMs = 0
    this.hosts.clear()
    this.durations.reset()
    this.waits?.reset()
  }
}

/** Recorded into `minute` alone; `hour` is what the minutes before of this hour came to. */
export interface Series {
  route: string
  segment: string
  statement: Statement
  minute: Tally
  hour: Tally
  /** Calls of this minute that have been written. */
  written: number
}

const MOST_ROUTES = 500

interface RouteEntry {
  requests: Series
  statements: Map<Statement, Series>
}

/** Series by segment, route and statement, bounded; what is beyond is counted together, never dropped in silence. */
export class SeriesBook {
  /** By segment, then by route: no key has to be put together for each request. */
  readonly #segments = new Map<string, Map<string, RouteEntry>>()
  readonly #limits: { maxSeries: number; maxSegments: number }
  #amountOfRoutes = 0
  #statements = 0
  overflows = 0

  constructor(limits: { maxSeries: number; maxSegments: number }) {
    this.#limits = limits
  }

  get size(): number {
    return this.#statements
  }

  /** All that a request did. */
  recordRequest(route: string, segment: string, ended: Ended, sightings: readonly Sighting[]): void {
    const entry = this.#find(route, segment)
    const { minute } = entry.requests
    minute.calls++
    if (ended.isFailed) minute.errors++
    minute.sqlMs += ended.sqlMs
    minute.outboundMs += ended.outboundMs
    minute.loopMs += ended.loopMs
    if (ended.isFirst) {
      minute.cold++
      minute.coldMs += ended.ms
    }
    if (ended.outboundByHost) for (const [host, ms] of ended.outboundByHost) minute.host(host).record(ms)
    minute.durations.record(ended.ms)
    minute.waits?.record(ended.waitMs)
    // Counted in the tallies themselves: a table of them for each request is garbage for each request.
    for (const sighting of sightings) this.#record(entry, sighting).callsOfRequest++
    for (const { statement } of sightings) this.#countRequest(entry, statement)
  }

  #countRequest({ statements }: RouteEntry, statement: Statement): void {
    const tally = (statements.get(statement) ?? statements.get(overflow))?.minute
    if (tally === undefined || tally.callsOfRequest === 0) return
    tally.requests++
    if (tally.callsOfRequest > tally.mostCalls) tally.mostCalls = tally.callsOfRequest
    tally.callsOfRequest = 0
  }

  /** A statement that belongs to no request, or to one with very many. */
  recordStatement(route: string, segment: string, sighting: Sighting): void {
    this.#record(this.#find(route, segment), sighting)
  }

  #record(entry: RouteEntry, { statement, ms, rows, bytes, isFailed }: Sighting): Tally {
    const { minute } = entry.statements.get(statement) ?? this.#open(entry, statement)
    minute.calls++
    if (isFailed) minute.errors++
    minute.rows += rows
    minute.bytes += bytes
    minute.durations.record(ms)
    return minute
  }

  #open(entry: RouteEntry, statement: Statement): Series {
    if (statement !== overflow && this.#statements >= this.#limits.maxSeries) {
      this.overflows++
      return entry.statements.get(overflow) ?? this.#open(entry, overflow)
    }
    const { route, segment } = entry.requests
    const series = { route, segment, statement, minute: new Tally(false), hour: new Tally(false), written: 0 }
    entry.statements.set(statement, series)
    if (statement !== overflow) this.#statements++
    return series
  }

  #find(route: string, segment: string): RouteEntry {
    return this.#segments.get(segment)?.get(route) ?? this.#openRoute(route, segment)
  }

  #openRoute(wantedRoute: string, wantedSegment: string): RouteEntry {
    const isKnown = this.#segments.has(wantedSegment) || this.#segments.size < this.#limits.maxSegments
    const segment = isKnown ? wantedSegment : OVERFLOW_ROUTE
    const route = this.#amountOfRoutes < MOST_ROUTES * Math.max(1, this.#segments.size) ? wantedRoute : OVERFLOW_ROUTE
    const routes = this.#segments.get(segment) ?? new Map<string, RouteEntry>()
    this.#segments.set(segment, routes)
    const known = routes.get(route)
    if (known) return known
    const requests = {
      route,
      segment,
      statement: requestsOf,
      minute: new Tally(true),
      hour: new Tally(true),
      written: 0,
    }
    const entry: RouteEntry = { requests, statements: new Map() }
    routes.set(route, entry)
    this.#amountOfRoutes++
    return entry
  }

  *all(): Generator<Series> {
    for (const routes of this.#segments.values())
      for (const { requests, statements } of routes.values()) {
        yield requests
        yield* statements.values()
      }
  }
}
