// SQL for looking at sagas: the dashboard, the command line. It reads by index, counts nothing further than to 1,001, and
// looks for a state that has no index of its own among the first 5,000 rows of the one that comes nearest.

import type { Queryable } from '../core/index.js'
import type { SagaActionView, SagaListing, SagaStepView } from './inspect-types.js'
import type { Doing } from './records.js'
import type { SagaHistory } from './replay.js'
import type { StatusRow } from './store.js'
import type { SagaError } from './types.js'

export type Asked = Pick<Queryable, 'query'>

/** An overview that takes longer is no help to somebody in a hurry, and one more burden for the server. */
const deadline = { deadlineMs: 2_000 }
const LOOKED_AT = 5_000
/** Claimed within a fraction of a second where somebody has room for it. */
const OVERDUE = `interval '5 seconds'`

const isAlive = (w: string): string =>
  `${w}.seen_at + ${w}.lease_ms * interval '1 millisecond' >= statement_timestamp()`
const ageOf = (at: string): string => `(extract(epoch from statement_timestamp() - ${at}) * 1000)::float8`

export interface KindRow {
  name: string
  version: number
  workers: number
  running: number
  orphaned: number
  due: number
  parked: number
  stuck: number
  oldest_due_ms: number | null
}

export async function listKinds(db: Asked): Promise<KindRow[]> {
  const text = `/* holdfast:sagas.kinds */
    with workers as materialized (select w.id, w.kinds, ${isAlive('w')} as is_alive from holdfast.sagas_workers w),
    owned as materialized (
      select i.kind, w.is_alive, count(*)::int as amount from workers w cross join lateral (
        select i.kind from holdfast.sagas_instances i where i.owner = w.id limit 1001) i group by 1, 2)
    select k.name, k.version, (select count(*)::int from workers w where w.is_alive and k.id = any(w.kinds)) as workers,
           coalesce((select o.amount from owned o where o.kind = k.id and o.is_alive), 0) as running,
           coalesce((select o.amount from owned o where o.kind = k.id and not o.is_alive), 0) as orphaned,
           due.amount as due, parked.amount as parked, stuck.amount as stuck, due.oldest_ms as oldest_due_ms
      from holdfast.sagas_kinds k
      cross join lateral (select count(*)::int as amount, ${ageOf('min(i.wake_at)')} as oldest_ms from (
        select i.wake_at from holdfast.sagas_instances i
         where i.kind = k.id and i.owner is null and i.wake_at is not null and i.wake_at <= statement_timestamp()
         order by i.wake_at limit 1001) i) due
      cross join lateral (select count(*)::int as amount from (
        select from holdfast.sagas_instances i
         where i.kind = k.id and i.owner is null and i.wake_at is not null and i.wake_at > statement_timestamp() limit 1001) i) parked
      cross join lateral (select count(*)::int as amount from (
        select from holdfast.sagas_instances i where i.kind = k.id and i.state = 'stuck' limit 1001) i) stuck
     order by stuck.amount desc, k.name, k.version desc`
  return (await db.query<KindRow>(text, [], deadline)).rows
}

export interface WorkerRow {
  id: string
  instance: string
  is_alive: boolean
  up_ms: number
  seen_ms: number
  lease_ms: number
  sagas: number
}

export async function listWorkers(db: Asked): Promise<WorkerRow[]> {
  const text = `/* holdfast:sagas.workers */
    select w.id::text, w.instance, ${isAlive('w')} as is_alive, ${ageOf('w.started_at')} as up_ms, ${ageOf('w.seen_at')} as seen_ms, w.lease_ms,
           (select count(*)::int from (select from holdfast.sagas_instances i where i.owner = w.id limit 1001) i) as sagas
      from holdfast.sagas_workers w order by w.id limit 100`
  return (await db.query<WorkerRow>(text, [], deadline)).rows
}

export interface ListedRow extends StatusRow {
  instance: string | null
  due_ms: number | null
  failing_step: string | null
  failing_attempts: number | null
  failing_error: SagaError | null
}

const listedColumns = `i.id, k.name, k.version, i.state, i.is_cancelled, i.is_undoing, i.is_pivoted, i.error, i.doing, i.started_at,
    i.ends_by, i.finished_at, w.instance, ${ageOf('i.wake_at')} as due_ms, u.name as failing_step, u.undo_attempts as failing_attempts,
    u.undo_error as failing_error`
const listedTables = `join holdfast.sagas_kinds k on k.id = i.kind left join holdfast.sagas_workers w on w.id = i.owner
    left join lateral (select s.name, s.undo_attempts, s.undo_error from holdfast.sagas_steps s
      where s.saga = i.id and s.undo = 'failing' order by s.seq limit 1) u on i.is_undoing`

const newest = 'i.started_at desc'
const dueFirst = 'i.wake_at'
const lastEnded = 'i.finished_at desc'
const parked = 'i.owner is null and i.wake_at is not null'

/** Of each kind: what its index finds, in its order; of those the ones that are meant. */
function find(which: string, order: string, meant = 'true'): string {
  return `select i.id, ${toRank(order)} as rank from holdfast.sagas_kinds k cross join lateral (
      select i.* from (
        select i.* from holdfast.sagas_instances i where i.kind = k.id and ${which} order by ${order} limit ${LOOKED_AT}) i
       where ${meant} order by ${order} limit $2) i
     where $1::text is null or k.name = $1 order by 2 limit $2`
}

/** Those of processes: few, as many as all of them may have in memory. */
function findOwned(which: string): string {
  return `select i.id, ${toRank(newest)} as rank from holdfast.sagas_workers w
      cross join lateral (select i.* from holdfast.sagas_instances i where i.owner = w.id limit ${LOOKED_AT}) i
      join holdfast.sagas_kinds k on k.id = i.kind
     where ${which} and ($1::text is null or k.name = $1) order by 2 limit $2`
}

const toRank = (order: string): string =>
  order.endsWith(' desc') ? `-extract(epoch from ${order.slice(0, -5)})` : `extract(epoch from ${order})`

/** Their index does not know kinds. */
const compensating = `select i.id, ${toRank(newest)} as rank from (
      select i.* from holdfast.sagas_instances i where i.state = 'compensating' order by ${newest} limit ${LOOKED_AT}) i
      join holdfast.sagas_kinds k on k.id = i.kind
     where $1::text is null or k.name = $1 order by 2 limit $2`
const stuck = find(`i.state = 'stuck'`, newest)
const overdue = find(
  `${parked} and i.wake_at < statement_timestamp() - ${OVERDUE}`,
  dueFirst,
  `i.state <> 'compensating'`,
)
const orphaned = findOwned(`not (${isAlive('w')}) and i.state <> 'compensating'`)

const listings: Readonly<Record<SagaListing, readonly string[]>> = {
  failing: [stuck, compensating, overdue, orphaned],
  stuck: [stuck],
  compensating: [compensating],
  overdue: [overdue, orphaned],
  running: [
    findOwned(`i.state = 'running'`),
    find(`${parked} and i.wake_at <= statement_timestamp()`, dueFirst, `i.state = 'running'`),
  ],
  waiting: [find(parked, dueFirst, `i.state = 'waiting'`)],
  done: [find('i.finished_at is not null', lastEnded, `i.state = 'done'`)],
  compensated: [find('i.finished_at is not null', lastEnded, `i.state = 'compensated'`)],
}

export async function listSagas(
  db: Asked,
  listing: SagaListing,
  name: string | null,
  most: number,
): Promise<ListedRow[]> {
  const parts = listings[listing].map((part, place) => `(select f.id, f.rank, ${place} as place from (${part}) f)`)
  const text = `/* holdfast:sagas.listing */
    with found as materialized (${parts.join(' union all ')} order by place, rank limit $2)
    select ${listedColumns} from found f join holdfast.sagas_instances i on i.id = f.id ${listedTables}
     order by f.place, f.rank`
  return (await db.query<ListedRow>(text, [name, most], deadline)).rows
}

export interface StepRow {
  seq: number
  name: string
  kind: string
  outcome: NonNullable<SagaStepView['outcome']>
  attempts: number
  started_at: string
  ended_at: string
  output: string | null
  error: SagaError | null
  undo: 'done' | 'skipped' | 'failing' | null
  undo_attempts: number
  undo_error: SagaError | null
  undone_at: string | null
}

export interface DetailsRow extends ListedRow {
  doing: Doing[]
  now_at: Date
  has_code: boolean
  input_text: string | null
  output_text: string | null
  steps: StepRow[] | null
  actions: (Omit<SagaActionView, 'at'> & { at: string })[] | null
  signals: { event: string; sent_at: string; taken_by: number | null }[] | null
}

/** At most 500 steps, 100 signals and 100 actions, the last ones; of payloads so many characters, 0: none is read. */
export async function findDetails(db: Asked, id: string, mostShown: number): Promise<DetailsRow | undefined> {
  const shown = (json: string): string => `case when $2 > 0 then left(${json}::text, $2) end`
  const text = `/* holdfast:sagas.details */
    select ${listedColumns}, statement_timestamp() as now_at, ${shown('i.input')} as input_text, ${shown('i.output')} as output_text,
           exists (select from holdfast.sagas_workers l where k.id = any(l.kinds) and ${isAlive('l')}) as has_code,
           (select json_agg(s order by s.seq) from (
              select s.seq, s.name, s.kind, s.outcome, s.attempts, s.started_at, s.ended_at, ${shown('s.output')} as output, s.error,
                     s.undo, s.undo_attempts, s.undo_error, s.undone_at
                from holdfast.sagas_steps s where s.saga = i.id order by s.seq desc limit 500) s) as steps,
           (select json_agg(a order by a.at) from (
              select a.action, a.step, a.reason, a.actor, a.at from holdfast.sagas_actions a
               where a.saga = i.id order by a.id desc limit 100) a) as actions,
           (select json_agg(g order by g.sent_at) from (
              select g.event, g.sent_at, g.taken_by from holdfast.sagas_signals g
               where g.saga = i.id order by g.id desc limit 100) g) as signals
      from holdfast.sagas_instances i ${listedTables} where i.id = $1`
  return (await db.query<DetailsRow>(text, [id, mostShown], deadline)).rows[0]
}

export async function findHistory(db: Queryable, id: string): Promise<SagaHistory | undefined> {
  const text = `/* holdfast:sagas.history */
    select i.id, k.name, k.version, i.input, i.is_pivoted as "isPivoted", i.doing,
           coalesce((select json_agg(json_build_object('seq', s.seq, 'name', s.name, 'kind', s.kind, 'ended', s.ended, 'outcome', s.outcome,
                     'output', s.output, 'isVoid', s.output is null, 'error', s.error) order by s.seq)
                       from holdfast.sagas_steps s where s.saga = i.id), '[]') as steps
      from holdfast.sagas_instances i join holdfast.sagas_kinds k on k.id = i.kind where i.id = $1`
  return (await db.query<SagaHistory>(text, [id])).rows[0]
}
