// SQL of looking at plans, findings and other services.

import type { Queryable } from '../core/index.js'
import type { Finding } from './findings.js'
import type { WatchFilter } from './inspect-types.js'
import type { Window } from './store.js'
import type { StoredPlan } from './plans/store.js'

type Asked = Pick<Queryable, 'query'>

const READ_MS = 5_000
/** Of each window, the latest: hosts times processes times minutes. */
const MOST_OUTBOUND = 50_000

export interface FindingRow extends Finding {
  id: string
  text: string | null
  seen: string
  first_seen_at: Date
  last_seen_at: Date
}

export async function listFindings(
  db: Asked,
  since: Date,
  statement: string | null,
  limit: number,
): Promise<FindingRow[]> {
  const text = `/* holdfast:watch.findings */
    select f.id::text, f.kind, f.statement::text, f.subject, f.severity, f.route, f.sentence, f.evidence, f.fix, f.prove, f.seen,
           f.first_seen_at, f.last_seen_at, q.text
      from holdfast.watch_findings f left join holdfast.watch_statements q on q.id = f.statement
     where f.last_seen_at >= $1 and ($2::bigint is null or f.statement = $2)
     order by case f.severity when 'act' then 0 when 'watch' then 1 else 2 end, f.last_seen_at desc limit $3`
  return (await db.query<FindingRow>(text, [since, statement, limit], { deadlineMs: READ_MS })).rows
}

export interface HistoryRow {
  began_at: Date
  route: string
  calls: string
  total_ms: number
  bins: Buffer
}

export async function readHistory(
  db: Asked,
  { minutes, from, until }: Window,
  statement: string,
): Promise<HistoryRow[]> {
  const text = `/* holdfast:watch.history */
    select began_at, route, calls, total_ms, bins from holdfast.watch_series
     where minutes = $1 and began_at >= $2 and began_at < $3 and statement = $4 order by began_at`
  return (await db.query<HistoryRow>(text, [minutes, from, until, statement], { deadlineMs: READ_MS })).rows
}

export interface SightingRow {
  began_at: Date
  statement: string
  shape: string
  seen: number
  most_ms: number
}

/** Of one statement, or of all. */
export async function readSightings(
  db: Asked,
  { minutes, from, until }: Window,
  statement: string | null,
): Promise<SightingRow[]> {
  const text = `/* holdfast:watch.sightings */
    select began_at, statement::text, shape::text, seen, most_ms from holdfast.watch_sightings
     where minutes = $1 and began_at >= $2 and began_at < $3 and ($4::bigint is null or statement = $4) order by began_at`
  return (await db.query<SightingRow>(text, [minutes, from, until, statement], { deadlineMs: READ_MS })).rows
}

export type PlanDetailsRow = StoredPlan & { first_seen_at: Date; last_seen_at: Date }

export async function readPlans(db: Asked, statement: string): Promise<PlanDetailsRow[]> {
  const text = `/* holdfast:watch.plans */
    select shape::text, tree, is_inferred, seen, typical_ms, slow_ms, cost, facts, first_seen_at, last_seen_at
      from holdfast.watch_plans where statement = $1 order by last_seen_at desc limit 50`
  return (await db.query<PlanDetailsRow>(text, [statement], { deadlineMs: READ_MS })).rows
}

export async function readText(db: Asked, statement: string): Promise<string | undefined> {
  const text = '/* holdfast:watch.text */ select text from holdfast.watch_statements where id = $1'
  return (await db.query<{ text: string }>(text, [statement])).rows[0]?.text
}

export async function readDeploys(db: Asked, from: Date, until: Date): Promise<{ label: string; began_at: Date }[]> {
  const text = `/* holdfast:watch.deploys */
    select label, began_at from holdfast.watch_deploys where began_at >= $1 and began_at < $2 order by began_at limit 100`
  return (await db.query<{ label: string; began_at: Date }>(text, [from, until])).rows
}

export interface OutboundRow {
  is_before: boolean
  route: string
  segment: string
  host: string
  total_ms: number
  bins: Buffer
}

/** Of a window and of the one that it is compared with, each by the primary key. */
export async function listOutbound(
  db: Asked,
  { window, before }: { window: Window; before: Window },
  { route, segment }: Pick<WatchFilter, 'route' | 'segment'>,
): Promise<OutboundRow[]> {
  const pick = (isBefore: boolean, first: number) => `
    (select ${isBefore} as is_before, route, segment, host, total_ms, bins from holdfast.watch_outbound
      where minutes = $${first} and began_at >= $${first + 1} and began_at < $${first + 2}
        and ($7::text is null or route = $7) and ($8::text is null or segment = $8)
      order by began_at desc limit ${MOST_OUTBOUND})`
  const text = `/* holdfast:watch.outbound */ ${pick(false, 1)} union all ${pick(true, 4)}`
  const times = [window, before].flatMap(({ minutes, from, until }) => [minutes, from, until])
  const values = [...times, route ?? null, segment ?? null]
  return (await db.query<OutboundRow>(text, values, { deadlineMs: READ_MS })).rows
}
