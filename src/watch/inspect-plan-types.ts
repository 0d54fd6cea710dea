import type { Finding } from './findings.js'
import type { Spread, WatchVerdict } from './inspect-types.js'
import type { Facts, PlanNode } from './plans/plan-types.js'

export interface FoundFinding extends Finding {
  /** Grows. */
  id: string
  /** Of its statement; null: it is about none, or the text is not kept any more. */
  text: string | null
  seen: number
  firstSeenAt: Date
  lastSeenAt: Date
}

export interface FindingFilter {
  /** Seen again after that. Default: a day ago. */
  since?: Date
  /** Of this statement only. */
  statement?: string
  /** Default: 100. */
  limit?: number
}

export interface FindingsOverview {
  verdict: WatchVerdict
  /** What somebody should do first comes first, and the latest of those. */
  findings: FoundFinding[]
}

/** A statement over all routes. */
export interface QueryLatency {
  id: string
  text: string
  /** That ran it most, and how many did. */
  route: string
  routes: number
  calls: number
  errors: number
  latency: Spread
  totalMs: number
  rowsPerCall: number
  before: Spread | null
  /** Shapes that it was seen with in this window. */
  plans: number
  /** Severity of its worst finding. */
  finding: 'info' | 'watch' | 'act' | null
}

export interface QueryPlan {
  shape: string
  tree: PlanNode
  /** Re-created: the application's session said that it used a generic plan. */
  isInferred: boolean
  /** Executions that were explained and had it. */
  seen: number
  /** @unit ms */
  typicalMs: number
  slowMs: number
  /** The planner's, at most. */
  cost: number
  facts: Facts | null
  firstSeenAt: Date
  lastSeenAt: Date
}

/** A statement by itself: how long it took, with which plans, and what was found. */
export interface QueryDetails {
  id: string
  text: string
  routes: { route: string; calls: number; latency: Spread }[]
  /** By the minute, or by the hour from an hour up. Without calls there is no entry. */
  history: { at: Date; calls: number; p50: number; p95: number }[]
  /** The latest first. */
  plans: QueryPlan[]
  /** Which plan was seen when: of executions that were explained, by the minute or by the hour as `history`. */
  lanes: { at: Date; shape: string; seen: number; mostMs: number }[]
  findings: FoundFinding[]
  deploys: { label: string; at: Date }[]
}
