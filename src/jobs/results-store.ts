// SQL of what outlives a run. Its functions: migrations/0006.

import type { BatchStatement, Queryable } from '../core/index.js'
import type { DeadQuery, Redriven } from './store.js'

/** `keepMs` 0: nothing is kept any more. */
export async function setKeeps(db: Queryable, keeps: readonly { queue: number; keepMs: number }[]): Promise<void> {
  await db.query('/* holdfast:jobs.set-keeps */ select holdfast.jobs_set_keeps($1, $2)', [
    keeps.map(({ queue }) => queue),
    keeps.map(({ keepMs }) => keepMs),
  ])
}

/** A run that ended and leaves something. */
export interface Conclusion {
  id: number
  cid: number
  outcome: 'succeeded' | 'cancelled'
  /** JSON text. */
  result: string | null
}

/** Ends them, and keeps those of queues that keep. Gives how many were still the worker's. `ended`: claims with nothing left. */
export async function conclude(
  db: Queryable,
  worker: string,
  lane: number,
  conclusions: readonly Conclusion[],
  ended: readonly number[],
): Promise<number> {
  const text = '/* holdfast:jobs.conclude */ select holdfast.jobs_conclude($1, $2, $3, $4, $5, $6, $7) as done'
  const { rows } = await db.query<{ done: number }>(text, [
    worker,
    lane,
    conclusions.map(({ id }) => id),
    conclusions.map(({ cid }) => cid),
    conclusions[0]?.outcome,
    conclusions.map(({ result }) => result),
    ended,
  ])
  return (rows[0] as { done: number }).done
}

/** As finishStatement, for runs that leave something. */
export function concludeStatement(
  worker: string,
  lane: number,
  conclusions: readonly Pick<Conclusion, 'id' | 'cid' | 'result'>[],
): BatchStatement {
  const text = '/* holdfast:jobs.conclude-in-tx */ select holdfast.jobs_conclude_in_tx($1, $2, $3, $4, $5)'
  const ids = conclusions.map(({ id }) => id)
  const cids = conclusions.map(({ cid }) => cid)
  return { text, params: [worker, lane, ids, cids, conclusions.map(({ result }) => result)] }
}

export interface Noted {
  done: number
  total: number | null
  note: string | null
}

export interface ResultRow {
  id: string
  name: string
  outcome: 'succeeded' | 'dead' | 'cancelled'
  attempts: number
  sent_at: Date
  finished_at: Date
  expires_at: Date
  key: string | null
  unique_key: string | null
  errors: { attempt: number; at: string; name: string; message: string }[] | null
  progress: Noted | null
  body: unknown
  result: unknown
  redriven_as: string | null
  is_blocked: boolean
}

const resultColumns = `k.id, q.name, k.outcome, k.attempts, k.sent_at, k.finished_at, k.expires_at, k.key, k.unique_key,
           k.errors, k.progress, k.body, k.result, k.redriven_as,
           exists (select from holdfast.jobs_unique u where u.queue = k.queue and u.key = k.unique_key) as is_blocked`

export async function findResult(db: Queryable, id: string): Promise<ResultRow | undefined> {
  const text = `/* holdfast:jobs.find-result */
    select ${resultColumns} from holdfast.jobs_results k join holdfast.jobs_queues q on q.id = k.queue where k.id = $1`
  return (await db.query<ResultRow>(text, [id])).rows[0]
}

/** What runs that succeeded can be sent again: listed and sent by the same condition, so that a preview is exact. */
const succeededCondition = `from holdfast.jobs_results k join holdfast.jobs_queues q on q.id = k.queue
     where ($1::text is null or q.name = $1) and ($2::jsonb is null or k.body @> $2::jsonb) and k.id > $3::bigint
       and ($5::bigint[] is null or k.id = any($5)) and k.outcome = 'succeeded' and k.redriven_as is null
       and ($6::bigint is null or k.id <= $6)
     order by k.id limit $4`

/** `until`: no runs that were sent later. */
export interface SucceededQuery extends DeadQuery {
  until?: string
}

const toValues = ({ name, contains, after, limit, ids, until }: SucceededQuery) => [
  name,
  contains,
  after,
  limit,
  ids,
  until ?? null,
]

/** The last id that was given out. */
export async function readHead(db: Queryable): Promise<string> {
  const text = '/* holdfast:jobs.read-head */ select last_value as head from holdfast.jobs_ids'
  return ((await db.query<{ head: string }>(text)).rows[0] as { head: string }).head
}

export async function listSucceeded(db: Queryable, query: DeadQuery): Promise<ResultRow[]> {
  const text = `/* holdfast:jobs.list-succeeded */ select ${resultColumns} ${succeededCondition}`
  return (await db.query<ResultRow>(text, toValues(query))).rows
}

/**
 * New runs of runs that succeeded, with their history; a unique key that is in force keeps one where it is. Each is
 * sent again once: of what it became, the new run's own row tells.
 */
export async function redriveSucceeded(db: Queryable, query: SucceededQuery): Promise<Redriven> {
  const text = `/* holdfast:jobs.redrive-succeeded */
    with chosen as materialized (select k.* ${succeededCondition} for update of k),
    begun as materialized (select pg_current_xact_id()),
    drawn as materialized (select nextval('holdfast.jobs_ids') as new_id, c.* from begun, chosen c),
    taken as (
      insert into holdfast.jobs_unique (queue, key, id) select queue, unique_key, new_id from drawn where unique_key is not null
      on conflict do nothing returning id),
    fresh as materialized (
      select d.* from drawn d where d.unique_key is null or exists (select from taken t where t.id = d.new_id)),
    marked as (update holdfast.jobs_results k set redriven_as = f.new_id from fresh f where k.id = f.id),
    back as (
      insert into holdfast.jobs_ready (slot, lane, id, key, unique_key, errors, body)
      select (f.new_id >> 16) & 7, f.queue * 4 + f.priority, f.new_id, f.key, f.unique_key,
             coalesce(f.errors, '[]') || jsonb_build_object('attempt', f.attempts, 'at', f.finished_at, 'name', 'HF_JOBS_REDRIVEN',
               'message', 'Run ' || f.id || ' succeeded and was sent again.'), f.body::text from fresh f)
    select count(*)::integer as amount, coalesce(array_agg(distinct queue * 4 + priority), '{}') as lanes,
           (select max(id) from chosen)::text as last from fresh`
  return (await db.query<Redriven>(text, toValues(query))).rows[0] as Redriven
}

/** Gives how many were deleted. */
export async function forgetExpired(db: Queryable, most: number): Promise<number> {
  const text = '/* holdfast:jobs.forget */ select holdfast.jobs_forget($1) as gone'
  return ((await db.query<{ gone: number }>(text, [most])).rows[0] as { gone: number }).gone
}
