// SQL that only looks. Nothing here counts the rows of a table: every answer is a bounded number of steps in an index.

import type { Queryable } from '../core/index.js'
import { WORKER_LOCK } from './store.js'

/** A search that finds no index to its liking ends here and not in a stalled dashboard. */
const SEARCH_DEADLINE_MS = 5_000

/** Its lease runs and, where it has a session, that holds its lock. */
const isAlive = `(w.seen_at >= clock_timestamp() - w.lease_ms * interval '1 millisecond' and (not w.has_session or exists (
             select from pg_locks k join pg_database b on b.oid = k.database
              where b.datname = current_database() and k.locktype = 'advisory' and k.granted
                and k.classid = ${WORKER_LOCK} and k.objid = w.id::integer)))`

export interface WorkerRow {
  id: string
  instance: string
  started_at: Date
  seen_at: Date
  up_ms: number
  seen_ms: number
  lease_ms: number
  is_alive: boolean
  has_session: boolean
}

/** Looks at the locks without taking one: trying to would look to the others like a worker that lives. */
export async function listWorkers(db: Queryable): Promise<WorkerRow[]> {
  const text = `/* holdfast:jobs.list-workers */
    select w.id, w.instance, w.started_at, w.seen_at, w.lease_ms, w.has_session,
           round(extract(epoch from clock_timestamp() - w.started_at) * 1000)::float8 as up_ms,
           round(extract(epoch from clock_timestamp() - w.seen_at) * 1000)::float8 as seen_ms,
           ${isAlive} as is_alive
      from holdfast.jobs_workers w order by w.instance, w.id limit 500`
  return (await db.query<WorkerRow>(text)).rows
}

export interface MinuteRow {
  name: string
  at: Date | null
  sent: string
  succeeded: string
  failed: string
  died: string
}

/** Queues without a minute have one row with `at` null. */
export async function listMinutes(db: Queryable): Promise<MinuteRow[]> {
  const text = `/* holdfast:jobs.list-minutes */
    select q.name, c.minute as at, c.sent, c.succeeded, c.failed, c.died
      from holdfast.jobs_queues q
      left join holdfast.jobs_counts c on c.queue = q.id and c.minute > date_trunc('minute', now()) - interval '60 minutes'
     order by q.name, c.minute`
  return (await db.query<MinuteRow>(text)).rows
}

export interface DeadSearch {
  name: string | null
  contains: string | null
}

export interface DeadPosition {
  /** Microseconds since the epoch: a Date would lose three digits, and letters with them. */
  micros: string
  id: string
}

export interface DeadSummaryRow extends DeadPosition {
  name: string
  attempts: number
  died_at: Date
  error: { name?: string; message?: string } | null
}

/** Letters that a search by content finds one by one; with more of them it is quicker to look through the newest. */
const FEW = 10_000

/** A materialized part is read only as far as it is asked for, and planned as if read to its end: by its index. */
const hits = `with hits as materialized (
      select d.id, d.queue, d.attempts, d.died_at, d.errors -> -1 as error from holdfast.jobs_dead d where d.body @> $2::jsonb)`

async function findsFew(db: Queryable, contains: string): Promise<boolean> {
  const text = `/* holdfast:jobs.finds-few */
    ${hits.replace('$2', '$1')} select count(*) <= ${FEW} as is_few from (select from hits limit ${FEW + 1}) few`
  const { rows } = await db.query<{ is_few: boolean }>(text, [contains], { deadlineMs: SEARCH_DEADLINE_MS })
  return rows[0]?.is_few === true
}

const isOlder = `($3::bigint is null
        or (d.died_at, d.id) < (timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4::bigint))`
const summary = `d.id, q.name, d.attempts, d.died_at, (extract(epoch from d.died_at) * 1000000)::bigint as micros, d.error`

/**
 * The newest of each queue by its index, then the newest of those: a queue with many dead letters costs no more than one
 * with few. jsonb_contains is `@>` without its index, which would first collect all that match.
 */
const pageByTime = `/* holdfast:jobs.page-dead */
    select ${summary}
      from holdfast.jobs_queues q
      cross join lateral (
        select d.id, d.attempts, d.died_at, d.errors -> -1 as error from holdfast.jobs_dead d
         where d.queue = q.id and ($2::jsonb is null or jsonb_contains(d.body, $2::jsonb)) and ${isOlder}
         order by d.died_at desc, d.id desc limit $5) d
     where $1::text is null or q.name = $1
     order by d.died_at desc, d.id desc limit $5`

const pageByContent = `/* holdfast:jobs.page-found-dead */
    ${hits} select ${summary}
      from hits d join holdfast.jobs_queues q on q.id = d.queue
     where ($1::text is null or q.name = $1) and ${isOlder}
     order by d.died_at desc, d.id desc limit $5`

export async function pageDead(
  db: Queryable,
  { name, contains }: DeadSearch,
  after: DeadPosition | null,
  limit: number,
): Promise<DeadSummaryRow[]> {
  const text = contains !== null && (await findsFew(db, contains)) ? pageByContent : pageByTime
  const values = [name, contains, after?.micros ?? null, after?.id ?? null, limit]
  return (await db.query<DeadSummaryRow>(text, values, { deadlineMs: SEARCH_DEADLINE_MS })).rows
}

const countByTime = `/* holdfast:jobs.count-dead */
    select count(*)::integer as amount from (
      select from holdfast.jobs_queues q
       cross join lateral (
         select from holdfast.jobs_dead d
          where d.queue = q.id and ($2::jsonb is null or jsonb_contains(d.body, $2::jsonb))
          order by d.died_at desc, d.id desc limit $3) d
       where $1::text is null or q.name = $1 limit $3) found`

const countByContent = `/* holdfast:jobs.count-found-dead */
    ${hits} select count(*)::integer as amount from (
      select from hits d join holdfast.jobs_queues q on q.id = d.queue where $1::text is null or q.name = $1 limit $3) found`

/** Counts no further than `most`. */
export async function countDead(db: Queryable, { name, contains }: DeadSearch, most: number): Promise<number> {
  const text = contains !== null && (await findsFew(db, contains)) ? countByContent : countByTime
  const { rows } = await db.query<{ amount: number }>(text, [name, contains, most], {
    deadlineMs: SEARCH_DEADLINE_MS,
  })
  return (rows[0] as { amount: number }).amount
}

interface LifeFacts {
  id: string
  /** `waiting`: parked, as its key has as many running as it may. */
  kind: 'ready' | 'waiting' | 'later' | 'dead'
  name: string
  is_paused: boolean
  attempts_allowed: number
  per_key: number
  priority: number
  attempt: number
  sent_at: Date | null
  run_at: Date | null
  died_at: Date | null
  unique_key: string | null
  errors: { attempt: number; at: string; name: string; message: string }[] | null
  /** Null: it is in no open claim. */
  worker: string | null
  instance: string | null
  claimed_at: Date | null
  /** Another job of its lane that nobody has is older. */
  is_behind: boolean
  is_due: boolean
  body: string | null
  is_cut: boolean
}

interface LifeSurroundings {
  now: Date
  has_worker: boolean
  /** An id of this height was given out. */
  is_drawn: boolean
}

export type FoundLife = LifeFacts & LifeSurroundings
export type LifeRow = FoundLife | (LifeSurroundings & { kind: null })

/** One statement and so one snapshot: a job that moves meanwhile is seen in exactly one place. */
export async function findLife(db: Queryable, id: string, mostChars: number): Promise<LifeRow> {
  const text = `/* holdfast:jobs.find-life */
    with ready as materialized (
      select r.* from holdfast.jobs_ready r
       where r.slot = ($1::bigint >> 16) & 7 and r.lane = any(array(select l.lane from holdfast.jobs_lanes l)) and r.id = $1
      union all select r.* from holdfast.jobs_ready r where r.origin = $1),
    found as (
      select 'ready' as kind, coalesce(r.origin, r.id) as id, r.lane, r.attempt, r.at as sent_at, null::timestamptz as run_at,
             null::timestamptz as died_at, r.unique_key, r.errors, c.worker, c.at as claimed_at, r.body,
             c.worker is null and exists (
               select from (
                 select o.id from holdfast.jobs_ready o,
                        lateral (select range_agg(k.ids) as ids from holdfast.jobs_claims k where k.lane = r.lane) open
                  where o.lane = r.lane and o.id < r.id and (open.ids is null or not o.id <@ open.ids) limit 1) older) as is_behind
        from ready r
        left join lateral (select c.worker, c.at from holdfast.jobs_claims c where c.lane = r.lane and c.ids @> r.id limit 1) c on true
      union all
      select 'later', l.id, l.lane, l.attempt, l.at, l.run_at, null, l.unique_key, l.errors, null, null, l.body, false
        from holdfast.jobs_later l where l.id = $1
      union all
      select 'waiting', w.id, w.lane, w.attempt, w.at, null, null, w.unique_key, w.errors, null, null, w.body, false
        from holdfast.jobs_waiting w where w.id = $1
      union all
      select 'dead', d.id, d.queue * 4 + d.priority, d.attempts, d.sent_at, null, d.died_at, d.unique_key, d.errors, null, null,
             case when $2 > 0 then d.body::text end, false
        from holdfast.jobs_dead d where d.id = $1)
    select now() as now,
           exists (select from holdfast.jobs_workers w where ${isAlive}) as has_worker,
           $1::bigint <= (select s.last_value from holdfast.jobs_ids s) as is_drawn,
           f.id, case when q.id is not null then f.kind end as kind, q.name, q.is_paused, q.attempts as attempts_allowed, q.per_key, f.lane & 3 as priority,
           f.attempt, f.sent_at, f.run_at,
           f.died_at, f.unique_key, f.errors, f.worker, w.instance, f.claimed_at, f.is_behind,
           coalesce(f.run_at <= now(), false) as is_due, left(f.body, nullif($2, 0)) as body, $2 > 0 and length(f.body) > $2 as is_cut
      from (select) one
      left join found f on true
      left join holdfast.jobs_queues q on q.id = f.lane >> 2
      left join holdfast.jobs_workers w on w.id = f.worker
     limit 1`
  const { rows } = await db.query<LifeRow>(text, [id, mostChars])
  return rows[0] as LifeRow
}

export interface RunningRow {
  id: string
  name: string
  attempt: number
  instance: string | null
  running_ms: number
  done: number
  total: number | null
  note: string | null
  reported_ms: number
  is_cancelling: boolean
}

/** Those that reported last first. A note names the row of its run, so each is one step in an index. */
export async function listRunning(db: Queryable, most: number): Promise<RunningRow[]> {
  const text = `/* holdfast:jobs.list-running */
    select p.job_id as id, q.name, r.attempt, w.instance, p.done, p.total, p.note,
           round(extract(epoch from clock_timestamp() - c.at) * 1000)::float8 as running_ms,
           round(extract(epoch from clock_timestamp() - p.at) * 1000)::float8 as reported_ms,
           exists (select from holdfast.jobs_cancels k where k.job_id = p.job_id) as is_cancelling
      from (select n.* from holdfast.jobs_progress n where n.done is not null order by n.at desc limit $1) p
      cross join lateral (
        select r.id, r.lane, r.attempt from holdfast.jobs_ready r
         where r.slot = (p.run >> 16) & 7 and r.lane = any(array(select l.lane from holdfast.jobs_lanes l)) and r.id = p.run) r
      cross join lateral (
        select c.at, c.worker from holdfast.jobs_claims c where c.lane = r.lane and c.ids @> r.id limit 1) c
      join holdfast.jobs_queues q on q.id = r.lane >> 2
      left join holdfast.jobs_workers w on w.id = c.worker
     order by p.job_id`
  return (await db.query<RunningRow>(text, [most])).rows
}

export interface CronStateRow {
  name: string
  job: string
  schedule: string
  time_zone: string
  next_at: Date
  next_ms: number
  fired_at: Date | null
}

export async function listCrons(db: Queryable, most: number): Promise<CronStateRow[]> {
  const text = `/* holdfast:jobs.list-crons */
    select c.name, q.name as job, c.schedule, c.time_zone, c.next_at, c.fired_at,
           round(extract(epoch from c.next_at - clock_timestamp()) * 1000)::float8 as next_ms
      from holdfast.jobs_crons c join holdfast.jobs_queues q on q.id = c.queue
     order by c.next_at, c.name limit $1`
  return (await db.query<CronStateRow>(text, [most])).rows
}
