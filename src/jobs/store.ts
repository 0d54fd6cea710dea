// All SQL of jobs that is not a function of the protocol (migrations/0004 and 0005). Each statement is named in a comment.

import type { BatchStatement, Queryable } from '../core/index.js'

/** Between the jobs of one text parameter: JSON escapes all control characters, so no payload can hold it. */
export const RECORD = '\u001e'
export const FIELD = '\u001f'
export const CHANNEL = 'holdfast_jobs'
/** First key of the workers' advisory locks: 'hfjw' in ASCII. */
export const WORKER_LOCK = 1_751_542_391

export async function registerQueue(
  db: Queryable,
  name: string,
  attempts: number,
  backoffMs: number,
  perKey = 1,
): Promise<number> {
  const text = '/* holdfast:jobs.register */ select holdfast.jobs_register($1, $2, $3, $4) as id'
  const { rows } = await db.query<{ id: number }>(text, [name, attempts, backoffMs, perKey])
  return (rows[0] as { id: number }).id
}

/**
 * Plain jobs of one lane: one statement, one text parameter. Prepared where a connection is ours: it is what each
 * transaction that sends a job pays, and half of that was parsing it.
 */
export async function sendPlain(db: Queryable, lane: number, bodies: string, isPrepared = false): Promise<string[]> {
  const text = '/* holdfast:jobs.send */ select holdfast.jobs_send($1, $2) as ids'
  const { rows } = await db.query<{ ids: string }>(
    text,
    [lane, bodies],
    isPrepared ? { name: 'holdfast_jobs_send' } : {},
  )
  return (rows[0] as { ids: string }).ids.split(',')
}

/** In a statement, and a commit, of its own; `tells`: a hint to the workers goes with it. */
export async function sendAlone(db: Queryable, lane: number, bodies: string, tells: boolean): Promise<string[]> {
  if (!tells) return await sendPlain(db, lane, bodies)
  const text = `/* holdfast:jobs.send-and-tell */ select holdfast.jobs_send($1, $2) as ids, pg_notify('${CHANNEL}', $1::text)`
  return ((await db.query<{ ids: string }>(text, [lane, bodies])).rows[0] as { ids: string }).ids.split(',')
}

/** As `send-rich` takes it. */
export interface RichRecord {
  lane: number
  /** Milliseconds since the epoch; null: now. */
  at: number | null
  key: string | null
  ukey: string | null
  body: string
}

export interface SentRow {
  id: string
  is_new: boolean
}

export async function sendRich(db: Queryable, records: readonly RichRecord[]): Promise<SentRow[]> {
  const text = '/* holdfast:jobs.send-rich */ select id, is_new from holdfast.jobs_send_rich($1)'
  return (await db.query<SentRow>(text, [JSON.stringify(records)])).rows
}

/** A lost hint costs nothing, so its commit need not wait for the disk, as one that notifies otherwise does. */
export async function notifyLanes(db: Queryable, lanes: string): Promise<void> {
  const text = `/* holdfast:jobs.notify */
    select pg_notify('${CHANNEL}', $1) from set_config('synchronous_commit', 'off', true)`
  await db.query(text, [lanes])
}

export interface ClaimRow {
  lane: number
  cid: string | null
  amount: number
  /** With those that were parked. */
  seen: number
  last_id: string | null
  opened: string
  /** As int8multirange. */
  ids: string | null
  jobs: string | null
  xid: string | null
  xmin: string
}

export async function claim(
  db: Queryable,
  worker: string,
  lanes: readonly number[],
  from: readonly number[],
  opened: readonly number[],
  most: number,
): Promise<ClaimRow[]> {
  const text = '/* holdfast:jobs.claim */ select * from holdfast.jobs_claim($1, $2, $3, $4, $5)'
  return (await db.query<ClaimRow>(text, [worker, lanes, from, opened, most])).rows
}

export async function findMark(
  db: Queryable,
  lane: number,
  mark: number,
  last: number,
  opened: number,
): Promise<number> {
  const text = '/* holdfast:jobs.find-mark */ select holdfast.jobs_find_mark($1, $2, $3, $4) as mark'
  const { rows } = await db.query<{ mark: string }>(text, [lane, mark, last, opened])
  return Number((rows[0] as { mark: string }).mark)
}

export interface Completion {
  lane: number
  lo: number[]
  hi: number[]
  cids: number[]
  ended: number[]
  frees: boolean
}

export async function complete(
  db: Queryable,
  worker: string,
  { lane, lo, hi, cids, ended, frees }: Completion,
): Promise<number> {
  const text = '/* holdfast:jobs.complete */ select holdfast.jobs_complete($1, $2, $3, $4, $5, $6, $7) as done'
  const { rows } = await db.query<{ done: number }>(text, [worker, lane, lo, hi, cids, ended, frees])
  return (rows[0] as { done: number }).done
}

export interface Failure {
  id: number
  cid: number
  /** null: dead. */
  runAt: Date | null
  error: object
}

export async function fail(db: Queryable, worker: string, lane: number, failures: readonly Failure[]): Promise<number> {
  const text = '/* holdfast:jobs.fail */ select holdfast.jobs_fail($1, $2, $3, $4, $5, $6) as done'
  const values = [
    failures.map(({ id }) => id),
    failures.map(({ cid }) => cid),
    failures.map(({ runAt }) => runAt),
    failures.map(({ error }) => JSON.stringify(error)),
  ]
  const { rows } = await db.query<{ done: number }>(text, [worker, lane, ...values])
  return (rows[0] as { done: number }).done
}

export async function giveBack(
  db: Queryable,
  worker: string,
  lane: number,
  ids: readonly number[],
  cids: readonly number[],
): Promise<void> {
  await db.query('/* holdfast:jobs.return */ select holdfast.jobs_return($1, $2, $3, $4)', [worker, lane, ids, cids])
}

/** Written before a suspect job starts: if its worker ends now, the attempt has been used up. */
export async function noteStart(
  db: Queryable,
  worker: string,
  lane: number,
  cid: number,
  id: number,
): Promise<boolean> {
  const text = `/* holdfast:jobs.note-start */
    update holdfast.jobs_claims set started = started || $4::bigint where lane = $2 and cid = $3 and worker = $1`
  return (await db.query(text, [worker, lane, cid, id])).rowCount === 1
}

/** The last of a transaction in which jobs did their work. Raises HF002 when one is not this worker's any more. */
export function finishStatement(
  worker: string,
  lane: number,
  ids: readonly number[],
  cids: readonly number[],
): BatchStatement {
  const text = '/* holdfast:jobs.finish */ select holdfast.jobs_finish($1, $2, $3, $4)'
  return { text, params: [worker, lane, ids, cids] }
}

export async function promote(
  db: Queryable,
  from: Date | '-infinity',
  most: number,
): Promise<{ amount: number; lanes: number[] }> {
  const text = '/* holdfast:jobs.promote */ select amount, lanes from holdfast.jobs_promote($1, $2)'
  return (await db.query<{ amount: number; lanes: number[] }>(text, [from, most])).rows[0] as {
    amount: number
    lanes: number[]
  }
}

export async function addWorker(db: Queryable, instance: string, leaseMs: number): Promise<string> {
  const text = `/* holdfast:jobs.add-worker */
    insert into holdfast.jobs_workers (instance, lease_ms) values ($1, $2) returning id`
  return ((await db.query<{ id: string }>(text, [instance, leaseMs])).rows[0] as { id: string }).id
}

export const lockWorkerText = `/* holdfast:jobs.lock-worker */ select pg_try_advisory_lock(${WORKER_LOCK}, $1::integer)`

/** False: the worker has been declared gone. */
export async function renewWorker(db: Queryable, worker: string, hasSession: boolean): Promise<boolean> {
  const text = `/* holdfast:jobs.renew-worker */
    update holdfast.jobs_workers set seen_at = now(), has_session = $2 where id = $1`
  return (await db.query(text, [worker, hasSession])).rowCount === 1
}

export async function removeWorker(db: Queryable, worker: string): Promise<void> {
  await db.query(
    `/* holdfast:jobs.remove-worker */
    delete from holdfast.jobs_workers w where w.id = $1
       and not exists (select from holdfast.jobs_claims c where c.worker = w.id)`,
    [worker],
  )
}

/**
 * Hands on the jobs of workers that are gone; gives how many jobs were moved. A tried lock is let go at once: by the
 * statement's own transaction. One whose jobs are being completed in a transaction that stays open is passed by.
 */
export async function reapWorkers(db: Queryable, self: string): Promise<number> {
  const text = `/* holdfast:jobs.reap */
    with gone as materialized (
      select w.id, w.has_session and pg_try_advisory_xact_lock(${WORKER_LOCK}, w.id::integer) as has_ended,
             w.seen_at < now() - w.lease_ms * interval '1 millisecond' as has_lapsed
        from holdfast.jobs_workers w where w.id <> $1),
    free as materialized (
      select w.id from holdfast.jobs_workers w
       where w.id = any(array(select g.id from gone g where g.has_ended or g.has_lapsed)) for update skip locked)
    select coalesce(sum(holdfast.jobs_reap(g.id, g.has_ended)), 0)::integer as moved from gone g join free f on f.id = g.id`
  return ((await db.query<{ moved: number }>(text, [self])).rows[0] as { moved: number }).moved
}

export async function trim(db: Queryable): Promise<void> {
  await db.query('/* holdfast:jobs.trim */ select holdfast.jobs_trim()')
}

export interface CountDelta {
  queue: number
  sent: number
  succeeded: number
  failed: number
  died: number
}

export async function addCounts(db: Queryable, deltas: readonly CountDelta[]): Promise<void> {
  const text = `/* holdfast:jobs.add-counts */
    insert into holdfast.jobs_counts as c (queue, minute, sent, succeeded, failed, died)
    select d.queue, m.minute, d.sent, d.succeeded, d.failed, d.died
      from (select date_trunc('minute', now()) as minute) m,
           json_to_recordset($1) d (queue smallint, sent bigint, succeeded bigint, failed bigint, died bigint)
     order by d.queue
    on conflict (queue, minute) do update set sent = c.sent + excluded.sent, succeeded = c.succeeded + excluded.succeeded,
      failed = c.failed + excluded.failed, died = c.died + excluded.died`
  await db.query(text, [JSON.stringify(deltas)])
}

/** What workers in other languages did. */
export async function addOutcomes(db: Queryable): Promise<void> {
  await db.query('/* holdfast:jobs.add-outcomes */ select holdfast.jobs_count_outcomes(true)')
}

/** Gives the queue; undefined: there is none of that name. */
export async function setPaused(db: Queryable, name: string, isPaused: boolean): Promise<number | undefined> {
  const text =
    '/* holdfast:jobs.set-paused */ update holdfast.jobs_queues set is_paused = $2 where name = $1 returning id'
  return (await db.query<{ id: number }>(text, [name, isPaused])).rows[0]?.id
}

export async function pruneCounts(db: Queryable): Promise<void> {
  await db.query(
    `/* holdfast:jobs.prune-counts */ delete from holdfast.jobs_counts where minute < now() - interval '7 days'`,
  )
}

export interface QueueRow {
  name: string
  is_paused: boolean
  oldest_ms: number | null
  sent: string
  succeeded: string
  failed: string
  died: string
}

/** The oldest of each lane is the first of an index; what runs already is passed over. */
export async function listQueues(db: Queryable): Promise<QueueRow[]> {
  const text = `/* holdfast:jobs.list-queues */
    select q.name, q.is_paused,
           (select round(extract(epoch from max(clock_timestamp() - o.at)) * 1000)::float8
              from holdfast.jobs_lanes l,
                   lateral (select range_agg(c.ids) as ids from holdfast.jobs_claims c where c.lane = l.lane) open,
                   lateral (select r.at from holdfast.jobs_ready r
                             where r.lane = l.lane and (open.ids is null or not r.id <@ open.ids) order by r.id limit 1) o
             where l.queue = q.id) as oldest_ms,
           coalesce(n.sent, 0) as sent, coalesce(n.succeeded, 0) as succeeded, coalesce(n.failed, 0) as failed, coalesce(n.died, 0) as died
      from holdfast.jobs_queues q
      left join (select c.queue, sum(c.sent) as sent, sum(c.succeeded) as succeeded, sum(c.failed) as failed, sum(c.died) as died
                   from holdfast.jobs_counts c group by c.queue) n on n.queue = q.id
     order by q.name`
  return (await db.query<QueueRow>(text)).rows
}

export interface DeadRow {
  id: string
  name: string
  attempts: number
  died_at: Date
  unique_key: string | null
  is_blocked: boolean
  errors: { attempt: number; at: string; name: string; message: string }[]
  body: unknown
}

export interface DeadQuery {
  name: string | null
  ids: readonly string[] | null
  contains: string | null
  after: string
  /** null: all. */
  limit: number | null
}

const deadCondition = `from holdfast.jobs_dead d join holdfast.jobs_queues q on q.id = d.queue
     where ($1::text is null or q.name = $1) and ($2::jsonb is null or d.body @> $2::jsonb) and d.id > $3::bigint
       and ($5::bigint[] is null or d.id = any($5))
     order by d.id limit $4`

const toValues = ({ name, contains, after, limit, ids }: DeadQuery) => [name, contains, after, limit, ids]

export async function listDead(db: Queryable, query: DeadQuery): Promise<DeadRow[]> {
  const text = `/* holdfast:jobs.list-dead */
    select d.id, q.name, d.attempts, d.died_at, d.unique_key, d.errors, d.body,
           exists (select from holdfast.jobs_unique u where u.queue = d.queue and u.key = d.unique_key) as is_blocked
    ${deadCondition}`
  return (await db.query<DeadRow>(text, toValues(query))).rows
}

/** Back to their lanes with their history, as if sent now; a unique key that is taken meanwhile keeps the dead letter dead. */
const redriveTail = `,
    begun as materialized (select pg_current_xact_id()),
    taken as (
      insert into holdfast.jobs_unique (queue, key, id) select queue, unique_key, id from chosen where unique_key is not null
      on conflict do nothing returning id),
    gone as (
      delete from holdfast.jobs_dead d using chosen c
       where d.id = c.id and (c.unique_key is null or exists (select from taken t where t.id = c.id))
      returning d.*),
    fresh as materialized (select nextval('holdfast.jobs_ids') as new_id, g.* from begun, gone g),
    back as (
      insert into holdfast.jobs_ready (slot, lane, id, origin, key, unique_key, errors, body)
      select (f.new_id >> 16) & 7, f.queue * 4 + f.priority, f.new_id, f.id, f.key, f.unique_key, f.errors, f.body::text from fresh f)
    select count(*)::integer as amount, coalesce(array_agg(distinct queue * 4 + priority), '{}') as lanes,
           (select max(id) from chosen)::text as last from gone`

export interface Redriven {
  amount: number
  lanes: number[]
  /** The last one that was looked at; null: there was none. */
  last: string | null
}

/** Oldest first, as listDead gives them: of two with one unique key the older one goes. */
export async function redrive(db: Queryable, query: DeadQuery): Promise<Redriven> {
  const text = `/* holdfast:jobs.redrive */
    with chosen as materialized (select d.* ${deadCondition} for update of d)${redriveTail}`
  return (await db.query<Redriven>(text, toValues(query))).rows[0] as Redriven
}

export interface CronRow {
  name: string
  queue: number
  schedule: string
  time_zone: string
  missed: 'once' | 'skip'
  body: string
  next_at: Date
}

/** A changed schedule begins anew; an unchanged one keeps its next firing, which may lie in the past. */
export async function registerCron(db: Queryable, cron: CronRow): Promise<void> {
  const text = `/* holdfast:jobs.register-cron */
    insert into holdfast.jobs_crons as c (name, queue, schedule, time_zone, missed, body, next_at) values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (name) do update set queue = excluded.queue, missed = excluded.missed, body = excluded.body,
      schedule = excluded.schedule, time_zone = excluded.time_zone,
      next_at = case when (c.schedule, c.time_zone) = (excluded.schedule, excluded.time_zone) then c.next_at else excluded.next_at end`
  const { name, queue, schedule, time_zone, missed, body, next_at } = cron
  await db.query(text, [name, queue, schedule, time_zone, missed, body, next_at])
}

export async function hasDueCron(db: Queryable, names: readonly string[]): Promise<boolean> {
  const text = `/* holdfast:jobs.has-due-cron */
    select exists (select from holdfast.jobs_crons where next_at <= now() and name = any($1)) as is_due`
  return (await db.query<{ is_due: boolean }>(text, [names])).rows[0]?.is_due === true
}

/** Those that another instance is firing are left out. */
export async function takeDueCrons(tx: Queryable, names: readonly string[]): Promise<(CronRow & { now: Date })[]> {
  const text = `/* holdfast:jobs.take-due-crons */
    select name, queue, schedule, time_zone, missed, body, next_at, now() as now from holdfast.jobs_crons
     where next_at <= now() and name = any($1) order by next_at for update skip locked`
  return (await tx.query<CronRow & { now: Date }>(text, [names])).rows
}

export async function moveCron(tx: Queryable, name: string, nextAt: Date, hasFired: boolean): Promise<void> {
  const text = `/* holdfast:jobs.move-cron */
    update holdfast.jobs_crons set next_at = $2, fired_at = case when $3 then next_at else fired_at end where name = $1`
  await tx.query(text, [name, nextAt, hasFired])
}
