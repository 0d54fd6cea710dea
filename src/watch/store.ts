// All SQL of watch that is not a function (migrations/0013).

import type { Queryable } from '../core/index.js'
import type { Finding } from './findings.js'

type Asked = Pick<Queryable, 'query'>

/** As it is written: a histogram is hex text. */
export interface SeriesRow {
  minutes: 1 | 60
  began_at: Date
  process: string
  route: string
  segment: string
  /** Its fingerprint; `0`: the requests of the route. */
  statement: string
  text: string
  calls: number
  errors: number
  requests: number
  most_calls: number
  rows: number
  bytes: number
  total_ms: number
  bins: string
  wait_ms: number
  wait_bins: string
  sql_ms: number
  outbound_ms: number
  loop_ms: number
  cold: number
  cold_ms: number
  /** Of a route: the calls to other services that its requests made. */
  hosts: OutboundRow[]
}

const MOST_ROWS = 1_000
/** Whoever looks waits no longer, and keeps no connection for longer. */
const READ_MS = 5_000

/** One round trip for a thousand rows. Again is no harm: a row says all that its process saw of the minute or the hour. */
export async function write(db: Pick<Queryable, 'query'>, rows: readonly SeriesRow[]): Promise<void> {
  const text = `/* holdfast:watch.write */
    with given as (
      select * from json_to_recordset($1::json) as g (minutes smallint, began_at timestamptz, process bigint, route text,
        segment text, statement bigint, text text, calls bigint, errors bigint, requests bigint, most_calls integer,
        rows bigint, bytes bigint, total_ms float8, bins bytea, wait_ms float8, wait_bins bytea, sql_ms float8, outbound_ms float8,
        loop_ms float8, cold bigint, cold_ms float8)),
    known as (
      insert into holdfast.watch_statements (id, text)
      select distinct on (statement) statement, text from given where statement <> 0 order by statement
      on conflict do nothing)
    insert into holdfast.watch_series as s (minutes, began_at, process, route, segment, statement, calls, errors, requests,
        most_calls, rows, bytes, total_ms, bins, wait_ms, wait_bins, sql_ms, outbound_ms, loop_ms, cold, cold_ms)
    select minutes, began_at, process, route, segment, statement, calls, errors, requests, most_calls, rows, bytes, total_ms,
        bins, wait_ms, wait_bins, sql_ms, outbound_ms, loop_ms, cold, cold_ms from given
    on conflict (minutes, began_at, process, route, segment, statement) do update set
      calls = excluded.calls, errors = excluded.errors, requests = excluded.requests, most_calls = excluded.most_calls,
      rows = excluded.rows, bytes = excluded.bytes, total_ms = excluded.total_ms, bins = excluded.bins,
      wait_ms = excluded.wait_ms, wait_bins = excluded.wait_bins, sql_ms = excluded.sql_ms, outbound_ms = excluded.outbound_ms,
      loop_ms = excluded.loop_ms, cold = excluded.cold, cold_ms = excluded.cold_ms`
  for (const batch of split(rows)) {
    await db.query(text, [JSON.stringify(batch.map((row) => ({ ...row, hosts: undefined })))])
    await writeOutbound(
      db,
      batch.flatMap(({ hosts }) => hosts),
    )
  }
}

export interface OutboundRow {
  minutes: 1 | 60
  began_at: Date
  process: string
  route: string
  segment: string
  host: string
  calls: number
  total_ms: number
  bins: string
}

async function writeOutbound(db: Asked, rows: readonly OutboundRow[]): Promise<void> {
  if (rows.length === 0) return
  const text = `/* holdfast:watch.write_outbound */
    insert into holdfast.watch_outbound (minutes, began_at, process, route, segment, host, calls, total_ms, bins)
    select * from json_to_recordset($1::json) as g (minutes smallint, began_at timestamptz, process bigint, route text,
      segment text, host text, calls bigint, total_ms float8, bins bytea)
    on conflict (minutes, began_at, process, route, segment, host) do update set
      calls = excluded.calls, total_ms = excluded.total_ms, bins = excluded.bins`
  await db.query(text, [JSON.stringify(rows)])
}

/** A row that is repeated in one statement could not be written: the last one of a minute or an hour says all. */
function split(rows: readonly SeriesRow[]): SeriesRow[][] {
  const last = new Map<string, SeriesRow>()
  for (const row of rows) {
    const { minutes, began_at: at, route, segment, statement } = row
    last.set(JSON.stringify([minutes, at, route, segment, statement]), row)
  }
  const kept = [...last.values()]
  return Array.from({ length: Math.ceil(kept.length / MOST_ROWS) }, (_, n) =>
    kept.slice(n * MOST_ROWS, (n + 1) * MOST_ROWS),
  )
}

export async function forget(
  db: Pick<Queryable, 'query'>,
  keepMinutesMs: number,
  keepHoursMs: number,
  most: number,
): Promise<number> {
  const text = '/* holdfast:watch.forget */ select holdfast.watch_forget($1, $2, $3) as done'
  return ((await db.query<{ done: number }>(text, [keepMinutesMs, keepHoursMs, most])).rows[0] as { done: number }).done
}

export interface ReadRow {
  route: string
  segment: string
  statement: string
  text: string | null
  calls: string
  errors: string
  requests: string
  most_calls: number
  rows: string
  bytes: string
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

export interface Window {
  minutes: 1 | 60
  from: Date
  until: Date
}

/** Rows of all processes in a window, of routes (`isOfRoutes`) or of statements. By the primary key: minutes and hours lie apart. */
export async function readSeries(
  db: Pick<Queryable, 'query'>,
  { minutes, from, until }: Window,
  { isOfRoutes, route, segment }: { isOfRoutes: boolean; route: string | undefined; segment: string | undefined },
): Promise<ReadRow[]> {
  const text = `/* holdfast:watch.read */
    select s.route, s.segment, s.statement::text, q.text, s.calls, s.errors, s.requests, s.most_calls, s.rows, s.bytes,
           s.total_ms, s.bins, s.wait_ms, s.wait_bins, s.sql_ms, s.outbound_ms, s.loop_ms, s.cold, s.cold_ms
      from holdfast.watch_series s left join holdfast.watch_statements q on q.id = s.statement
     where s.minutes = $1 and s.began_at >= $2 and s.began_at < $3 and (s.statement = 0) = $4
       and ($5::text is null or s.route = $5) and ($6::text is null or s.segment = $6)`
  const values = [minutes, from, until, isOfRoutes, route ?? null, segment ?? null]
  return (await db.query<ReadRow>(text, values, { deadlineMs: READ_MS })).rows
}

/** Not seen for a day, it has begun anew. */
export async function writeFindings(db: Asked, findings: readonly (Finding & { seen: number })[]): Promise<void> {
  const text = `/* holdfast:watch.write_findings */
    insert into holdfast.watch_findings as f (kind, statement, subject, severity, route, sentence, evidence, fix, prove, seen)
    select kind, statement, subject, severity, route, sentence, evidence, fix, prove, seen
      from json_to_recordset($1::json) as g (kind text, statement bigint, subject text, severity text, route text,
        sentence text, evidence jsonb, fix text, prove text, seen bigint)
    on conflict (kind, statement, subject) do update set
      severity = excluded.severity, route = excluded.route, sentence = excluded.sentence, evidence = excluded.evidence,
      fix = excluded.fix, prove = excluded.prove, last_seen_at = now(),
      seen = excluded.seen + case when f.last_seen_at > now() - interval '1 day' then f.seen else 0 end,
      first_seen_at = case when f.last_seen_at > now() - interval '1 day' then f.first_seen_at else now() end`
  await db.query(text, [JSON.stringify(findings)])
}

export async function noteDeploy(db: Asked, label: string): Promise<void> {
  const text =
    '/* holdfast:watch.deploy */ insert into holdfast.watch_deploys (label) values ($1) on conflict do nothing'
  await db.query(text, [label])
}
