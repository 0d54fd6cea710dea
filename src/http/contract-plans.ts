// The JSON of the pages Queries and Findings. Types only, as in contract.ts.

import type { Percentiles, Verdict } from './contract.js'

/** A statement over all its routes and processes. */
export interface QueryRow {
  id: string
  /** Without literals. */
  text: string
  /** That ran it most, and how many did. */
  route: string
  routes: number
  calls: number
  errors: number
  latency: Percentiles
  /** Of all that the listed statements took, 0 to 1. */
  share: number
  rowsPerCall: number
  /** The same a day before; null: there was nothing. */
  before: Percentiles | null
  /** Plans that it was seen with in this window. */
  plans: number
  /** Severity of its worst finding. */
  finding: FindingSeverity | null
}

export type FindingSeverity = 'info' | 'watch' | 'act'

/** Without values: conditions have `?` for each. */
export interface PlanTreeNode {
  op: string
  relation?: string
  /** By an index with a condition, along a whole index, or from its beginning to its end. */
  access?: 'index' | 'walk' | 'seq' | 'other'
  indexes?: string[]
  cond?: string
  filter?: string
  children?: PlanTreeNode[]
}

/** What was known of a table. */
export interface TableFactsRow {
  bytes: number
  /** By the statistics. */
  rows: number
  /** Changed since the statistics were made. */
  changed: number
  /** Milliseconds since the epoch; null: never. */
  analyzedAt: number | null
}

export interface QueryPlanRow {
  shape: string
  tree: PlanTreeNode
  /** Re-created: the application's session said that it used a generic plan. */
  isInferred: boolean
  /** Executions that were explained and had it. */
  seen: number
  /** @unit ms */
  typicalMs: number
  slowMs: number
  /** The planner's. */
  cost: number
  /** By table, when it was last seen; null: not known. */
  facts: Readonly<Record<string, TableFactsRow>> | null
  /** Milliseconds since the epoch. */
  firstSeenAt: number
  lastSeenAt: number
}

export interface FindingRow {
  id: string
  kind: string
  severity: FindingSeverity
  subject: string
  /** `'0'`: it is about no statement. */
  statement: string
  /** Of its statement; null: there is none, or it is not kept any more. */
  text: string | null
  /** `''`: outside of requests, or not known. */
  route: string
  sentence: string
  evidence: Readonly<Record<string, unknown>>
  fix: string
  prove: string
  seen: number
  /** Milliseconds since the epoch. */
  firstSeenAt: number
  lastSeenAt: number
}

/** A statement by itself. Times are milliseconds since the epoch. */
export interface QueryDocument {
  id: string
  text: string
  routes: { route: string; calls: number; latency: Percentiles }[]
  /** The window that `history` and `lanes` are of, and how long each of their entries is. */
  from: number
  until: number
  stepMs: number
  /** Without calls there is no entry. @unit ms */
  history: { at: number; calls: number; p50: number; p95: number }[]
  /** The latest first, at most 50. */
  plans: QueryPlanRow[]
  /** Which plan was seen when: of executions that were explained. */
  lanes: { at: number; shape: string; seen: number; mostMs: number }[]
  findings: FindingRow[]
  deploys: { label: string; at: number }[]
}

/** `GET /_holdfast/api/queries?window=1h&statement=`. */
export interface QueriesDocument {
  /** False: the tables of watch cannot be read; the verdict says why, the list is empty. */
  isConnected: boolean
  verdict: Verdict
  /** Those that took most of the time first, at most 100, of all processes. */
  queries: QueryRow[]
  /** The statement that was asked for; null: none was, or nobody has seen it. */
  opened: QueryDocument | null
}

/** `GET /_holdfast/api/findings?window=24h`. */
export interface FindingsDocument {
  /** False: the tables of watch cannot be read; the verdict says why, the list is empty. */
  isConnected: boolean
  verdict: Verdict
  /** What somebody should do first comes first, at most 200. */
  findings: FindingRow[]
  /** There are more. */
  isMore: boolean
}

/** An index that would help, and how that was proven before it is built. */
export interface AdviceRow {
  ddl: string
  table: string
  columns: string[]
  kind: string
  proof: {
    /** An index that only the planner sees, or a real one on a sampled copy of the table. */
    by: 'hypopg' | 'sample'
    /** The planner's. */
    costBefore: number
    costAfter: number
    /** On the sampled copy. @unit ms */
    msBefore?: number
    msAfter?: number
    /** Of the table, 0 to 1. */
    sampledShare?: number
  }
  /** Estimated. */
  sizeBytes: number
  /** What each write pays for it, in one sentence. */
  writeCost: string
  /** Indexes that nothing needs once it is there. */
  makesRedundant: string[]
}

/** `POST /_holdfast/api/queries/advice?statement=`. */
export interface AdviceDocument {
  advice: AdviceRow[]
  /** Why there is no index to advise, or not that one: one sentence each. */
  refused: string[]
}
