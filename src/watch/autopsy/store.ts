// SQL of an autopsy. Each statement reads a bounded number of rows.

import type { Queryable } from '../../core/index.js'
import type { FindingKind } from '../findings.js'
import type { Facts } from '../plans/plan-types.js'
import type { Window } from '../store.js'

type Asked = Pick<Queryable, 'query'>
/** Of each query: what is left of the whole. */
export interface Patience {
  deadlineMs: number
  signal?: AbortSignal
}

const MOST_ROUTES = 50
const MOST_ROWS = 50_000
const MOST_STATEMENTS = 500

/** The routes that took most of the time. */
export async function readBusiest(db: Asked, window: Window, patience: Patience): Promise<string[]> {
  const text = `/* holdfast:watch.autopsy_routes */
    select route from holdfast.watch_series where minutes = $1 and began_at >= $2 and began_at < $3 and statement = 0
     group by route order by sum(total_ms) desc limit ${MOST_ROUTES}`
  const { rows } = await db.query<{ route: string }>(text, [window.minutes, window.from, window.until], patience)
  return rows.map(({ route }) => route)
}

export interface MomentRow {
  route: string
  began_at: Date
  process: string
  calls: string
  errors: string
  total_ms: number
  bins: Buffer
  wait_ms: number
  wait_bins: Buffer
  sql_ms: number
  outbound_ms: number
  loop_ms: number
  cold: string
  cold_ms: number
}

/** Requests by window and process, the latest if there are too many. */
export async function readMoments(
  db: Asked,
  { minutes, from, until }: Window,
  routes: readonly string[],
  patience: Patience,
): Promise<MomentRow[]> {
  const text = `/* holdfast:watch.autopsy_moments */
    select route, began_at, process::text, calls, errors, total_ms, bins, wait_ms, wait_bins, sql_ms, outbound_ms, loop_ms, cold, cold_ms
      from holdfast.watch_series
     where minutes = $1 and began_at >= $2 and began_at < $3 and statement = 0 and route = any ($4::text[])
     order by began_at desc limit ${MOST_ROWS}`
  const { rows } = await db.query<MomentRow>(text, [minutes, from, until, routes], patience)
  return rows.toReversed()
}

export interface StatementRow {
  statement: string
  is_after: boolean
  text: string | null
  calls: string
  errors: string
  requests: string
  most_calls: number
  rows: string
  bytes: string
  total_ms: number
}

export interface Halves {
  minutes: 1 | 60
  from: Date
  at: Date
  until: Date
}

/** Statements of a route before and after a moment, added up; those that took most of the time. */
export async function readStatements(
  db: Asked,
  { minutes, from, at, until }: Halves,
  route: string,
  patience: Patience,
): Promise<StatementRow[]> {
  const text = `/* holdfast:watch.autopsy_statements */
    with summed as (
      select statement, began_at >= $3 as is_after, sum(calls)::text as calls, sum(errors)::text as errors,
             sum(requests)::text as requests, max(most_calls) as most_calls, sum(rows)::text as rows, sum(bytes)::text as bytes,
             sum(total_ms) as total_ms
        from holdfast.watch_series
       where minutes = $1 and began_at >= $2 and began_at < $4 and statement <> 0 and route = $5
       group by 1, 2 order by sum(total_ms) desc limit ${MOST_STATEMENTS})
    select s.statement::text, s.is_after, q.text, s.calls, s.errors, s.requests, s.most_calls, s.rows, s.bytes, s.total_ms
      from summed s left join holdfast.watch_statements q on q.id = s.statement`
  return (await db.query<StatementRow>(text, [minutes, from, at, until, route], patience)).rows
}

export interface StatementBinsRow {
  is_after: boolean
  total_ms: number
  bins: Buffer
}

export async function readStatementBins(
  db: Asked,
  { minutes, from, at, until }: Halves,
  route: string,
  statement: string,
  patience: Patience,
): Promise<StatementBinsRow[]> {
  const text = `/* holdfast:watch.autopsy_bins */
    select began_at >= $3 as is_after, total_ms, bins from holdfast.watch_series
     where minutes = $1 and began_at >= $2 and began_at < $4 and route = $5 and statement = $6
     order by began_at desc limit ${MOST_ROWS}`
  return (await db.query<StatementBinsRow>(text, [minutes, from, at, until, route, statement], patience)).rows
}

export interface OutboundRow {
  host: string
  is_after: boolean
  calls: string
  total_ms: number
}

export async function readOutbound(
  db: Asked,
  { minutes, from, at, until }: Halves,
  route: string,
  patience: Patience,
): Promise<OutboundRow[]> {
  const text = `/* holdfast:watch.autopsy_outbound */
    select host, began_at >= $3 as is_after, sum(calls)::text as calls, sum(total_ms) as total_ms
      from holdfast.watch_outbound where minutes = $1 and began_at >= $2 and began_at < $4 and route = $5
     group by 1, 2 order by sum(total_ms) desc limit 100`
  return (await db.query<OutboundRow>(text, [minutes, from, at, until, route], patience)).rows
}

export interface SightingSum {
  shape: string
  before: string
  after: string
}

/** How often a statement was seen with which plan. */
export async function readShapes(
  db: Asked,
  { minutes, from, at, until }: Halves,
  statement: string,
  patience: Patience,
): Promise<SightingSum[]> {
  const text = `/* holdfast:watch.autopsy_shapes */
    select shape::text, coalesce(sum(seen) filter (where began_at < $3), 0)::text as before,
           coalesce(sum(seen) filter (where began_at >= $3), 0)::text as after
      from holdfast.watch_sightings where minutes = $1 and began_at >= $2 and began_at < $4 and statement = $5
     group by 1 order by sum(seen) desc limit 50`
  return (await db.query<SightingSum>(text, [minutes, from, at, until, statement], patience)).rows
}

export interface KnownPlanRow {
  shape: string
  accesses: { relation: string; access: string; indexes: string[] }[]
  facts: Facts | null
  first_seen_at: Date
  last_seen_at: Date
}

export async function readKnownPlans(db: Asked, statement: string, patience: Patience): Promise<KnownPlanRow[]> {
  const text = `/* holdfast:watch.autopsy_plans */
    select shape::text, coalesce(tree->'accesses', '[]') as accesses, facts, first_seen_at, last_seen_at
      from holdfast.watch_plans where statement = $1 order by last_seen_at desc limit 50`
  return (await db.query<KnownPlanRow>(text, [statement], patience)).rows
}

export interface SeenFindingRow {
  kind: FindingKind
  statement: string
  severity: 'info' | 'watch' | 'act'
  route: string
  sentence: string
  evidence: Record<string, unknown>
  fix: string
  prove: string
  first_seen_at: Date
}

/** First seen in this time, or of this statement whenever. */
export async function readNewFindings(
  db: Asked,
  from: Date,
  until: Date,
  statement: string | null,
  patience: Patience,
): Promise<SeenFindingRow[]> {
  const text = `/* holdfast:watch.autopsy_findings */
    select kind, statement::text, severity, route, sentence, evidence, fix, prove, first_seen_at
      from holdfast.watch_findings
     where last_seen_at >= $1 and (first_seen_at >= $1 and first_seen_at < $2 or statement = $3)
     order by case severity when 'act' then 0 when 'watch' then 1 else 2 end, first_seen_at limit 100`
  return (await db.query<SeenFindingRow>(text, [from, until, statement], patience)).rows
}

/** The latest ones until then, however long ago. */
export async function readLatestDeploys(
  db: Asked,
  until: Date,
  patience: Patience,
): Promise<{ label: string; began_at: Date }[]> {
  const text = `/* holdfast:watch.autopsy_deploys */
    select label, began_at from holdfast.watch_deploys where began_at < $1 order by began_at desc limit 50`
  return (await db.query<{ label: string; began_at: Date }>(text, [until], patience)).rows
}
