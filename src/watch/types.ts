import type { Logger, RequestContext, RequestInit } from '../core/index.js'
import type { BlockingStats } from './blocking/blocking-watch.js'
import type { ClashStats } from './clash/clash-observer.js'
import type { Finding } from './findings.js'
import type { PlanStats } from './plans/plan-observer.js'
import type { WatchInspector } from './inspect-types.js'

export interface WatchOptions {
  /** Where what is seen is kept, over two connections of its own. Default: the database that is watched. */
  url?: string
  /**
   * A label for each request, such as its tenant's plan: its own latencies are kept beside those of the others. At most
   * `maxSegments` different ones; the rest is `(overflow)`. Never a name or an id of a person. Default: none.
   */
  segment?: (request: RequestContext) => string | undefined
  /** Default: 20. */
  maxSegments?: number
  /** Series of a route and a statement that are kept apart; what is beyond is counted together, by route. Default: 2 000. */
  maxSeries?: number
  /** Written at least this often. Default: 10 000 ms. */
  flushMs?: number
  /** Minutes are kept for so long. Default: 10 800 000 ms (3 hours). */
  keepMinutesMs?: number
  /** Hours are kept for so long. Default: 3 024 000 000 ms (35 days). */
  keepHoursMs?: number
  /** Plans of statements are asked for, on one more connection, and watched. Default: true. */
  plans?: boolean
  /** What results look like is watched: rows that a join multiplies, columns that shadow others, results without end. Default: true. */
  shapes?: boolean
  /**
   * It is noted which columns are read, of one row in a thousand results: its columns are getters until they are read,
   * which whoever inspects it can see. Default: false.
   */
  sampleReads?: boolean
  /**
   * What keeps requests waiting is named, with its line and its route: a thread looks whether the event loop turns (not
   * where somebody debugs the process); synchronous calls of Node are counted, as is who fills libuv's threads, who holds
   * connections while the database does nothing, and what nobody awaits. Default: true.
   */
  blocking?: boolean
  /**
   * Requests are followed for half a second at a time: what each reads, what it writes because of it, and which two can
   * collide unnoticed. Values are compared while the request runs and kept as keyed hashes of this process. Default: true.
   */
  clash?: boolean
  /** They are followed so often, on average. 0: always, for development and tests. Default: 10 000 ms. */
  clashEveryMs?: number
  /** Is given each finding as it is made, and again each hour that it goes on. Default: the log and the page alone. */
  onFinding?: (finding: Finding) => void
  /** Receives what no caller can be given. Default: warnings and errors as JSON lines on stderr. */
  logger?: Logger
}

export interface WatchStats {
  /** Of a route and a statement, in memory. */
  series: number
  /** Calls that were counted without their statement, as there were `maxSeries` already. */
  overflows: number
  /** Minutes that could not be written for so long that they were given up. */
  lostMinutes: number
  /** Null: plans are not watched. */
  plans: PlanStats | null
  /** Null: what can collide is not looked for. */
  clash: ClashStats | null
  /** Null: what blocks is not watched. */
  blocking: BlockingStats | null
}

export interface Watch {
  /** Runs a request inside its own context, for an application without a `Db`: the middleware of holdfast/http takes a `Watch` too. */
  runRequest<T>(init: RequestInit, body: (context: RequestContext) => Promise<T>): Promise<T>
  stats(): WatchStats
  /** Writes what has been seen, now. @throws what the database refuses */
  flush(): Promise<void>
  /** What the dashboard shows, of all processes. */
  readonly inspect: WatchInspector
  /** Writes once more, and leaves the pool as it was. */
  stop(): Promise<void>
}
