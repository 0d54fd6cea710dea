// The JSON of the page Clash. Types only, as in contract.ts.

import type { Severity, Verdict } from './contract.js'

/** A statement of a route. */
export interface ClashStepRow {
  route: string
  /** Its id, as on the page Queries. */
  statement: string
  /** Without literals. */
  text: string
  /** `src/orders.ts:41`; '': not known. */
  site: string
}

/** Two requests, perhaps of one route, that can meet at rows of a table. */
export interface ClashRow {
  id: string
  severity: Severity
  kind: string
  table: string
  columns: readonly string[]
  /** The route that reads and writes, and the one that comes between; they may be the same. */
  first: string
  second: string
  /** Requests that were really under way with the same row at once, of those that were followed. */
  overlaps: number
  /** The longest time between the read and the write. @unit ms */
  windowMs: number
  /** What keeps them apart; null: nothing. */
  protectedBy: string | null
  /** Of its last replay; null: nobody has replayed it. */
  replay: 'clash' | 'none found' | null
  /** Milliseconds since the epoch. */
  lastSeenAt: number
}

/** When a request read and wrote. @unit ms after the first of the two had read */
export interface ClashMoment {
  route: string
  readAt: number
  wroteAt: number
}

export interface ClashDetails extends ClashRow {
  /** What goes wrong, after the name of the first route. */
  meaning: string
  fix: string
  read: ClashStepRow
  write: ClashStepRow
  other: ClashStepRow
  isolation: string
  /** What there is and does not help. */
  inVain: readonly string[]
  requests: number
  /** The last time that two really met; null: none was seen. */
  realOverlap: { first: ClashMoment; second: ClashMoment } | null
  replayed: {
    reason: string
    /** The schedule that fails, as text of up to 80 columns; '': none does. */
    diagram: string
    schedules: number
    ms: number
    fix: { title: string; held: boolean; sql: string } | null
    at: number | null
  } | null
  firstSeenAt: number
}

/** `GET /_holdfast/api/clashes?kind=&protected=1`. */
export interface ClashesDocument {
  /** False: the tables of watch cannot be read; the verdict says why, the list is empty. */
  isConnected: boolean
  verdict: Verdict
  /** Those that nothing protects first, then those that met most often, at most 200. */
  clashes: ClashRow[]
  /** There are more. */
  isMore: boolean
}

/** `GET /_holdfast/api/clashes/:id`; an id that nobody has seen is answered with 404. */
export interface ClashDocument {
  isConnected: boolean
  verdict: Verdict
  clash: ClashDetails | null
}
