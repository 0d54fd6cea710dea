// SQL for looking at sagas: the dashboard, the command line. Nothing is counted further than to 1,001.

import type { Queryable } from '../core/index.js'
import type { SagaActionView, SagaStepView } from './inspect-types.js'
import type { Doing } from './records.js'
import type { SagaHistory } from './replay.js'
import type { StatusRow } from './store.js'
import type { SagaError } from './types.js'

export interface KindRow {
  name: string
  version: number
  workers: number
  due: number
  parked: number
  stuck: number
  oldest_due_ms: number | null
}

export async function listKinds(db: Queryable): Promise<KindRow[]> {
  const text = `/* holdfast:sagas.kinds */
    select k.name, k.version, w.amount as workers, due.amount as due, parked.amount as parked, stuck.amount as stuck,
           due.oldest_ms::float8 as oldest_due_ms
      from holdfast.sagas_kinds k
      cross join lateral (select count(*)::integer as amount from holdfast.sagas_workers w
                           where k.id = any(w.kinds) and w.seen_at + w.lease_ms * interval '1 millisecond' >= clock_timestamp()) w
      cross join lateral (select count(*)::integer as amount, extract(epoch from clock_timestamp() - min(i.wake_at)) * 1000 as oldest_ms from (
        select i.wake_at from holdfast.sagas_instances i
         where i.kind = k.id and i.owner is null and i.wake_at is not null and i.wake_at <= now() order by i.wake_at limit 1001) i) due
      cross join lateral (select count(*)::integer as amount from (
        select from holdfast.sagas_instances i
         where i.kind = k.id and i.owner is null and i.wake_at is not null and i.wake_at > now() limit 1001) i) parked
      cross join lateral (select count(*)::integer as amount from (
        select from holdfast.sagas_instances i where i.kind = k.id and i.state = 'stuck' limit 1001) i) stuck
     order by stuck.amount desc, k.name, k.version desc`
  return (await db.query<KindRow>(text)).rows
}

export interface WorkerRow {
  id: string
  instance: string
  seen_ms: number
  lease_ms: number
  sagas: number
}

export async function listWorkers(db: Queryable): Promise<WorkerRow[]> {
  const text = `/* holdfast:sagas.workers */
    select w.id::text, w.instance, extract(epoch from clock_timestamp() - w.seen_at)::float8 * 1000 as seen_ms, w.lease_ms,
           (select count(*)::integer from (select from holdfast.sagas_instances i where i.owner = w.id limit 1001) i) as sagas
      from holdfast.sagas_workers w order by w.id limit 100`
  return (await db.query<WorkerRow>(text)).rows
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

export interface DetailsRow extends StatusRow {
  doing: Doing[]
  input_text: string | null
  output_text: string | null
  instance: string | null
  steps: StepRow[] | null
  actions: (Omit<SagaActionView, 'at'> & { at: string })[] | null
  signals: { event: string; sent_at: string; taken_by: number | null }[] | null
}

/** At most 500 steps, 100 signals and 100 actions, the last ones. */
export async function findDetails(db: Queryable, id: string, mostShown: number): Promise<DetailsRow | undefined> {
  const text = `/* holdfast:sagas.details */
    select i.id, k.name, k.version, i.state, i.is_cancelled, i.is_undoing, i.is_pivoted, i.error, i.doing, i.started_at, i.ends_by,
           i.finished_at, left(i.input::text, $2) as input_text, left(i.output::text, $2) as output_text,
           (select w.instance from holdfast.sagas_workers w where w.id = i.owner) as instance,
           (select json_agg(s order by s.seq) from (
              select s.seq, s.name, s.kind, s.outcome, s.attempts, s.started_at, s.ended_at, left(s.output::text, $2) as output, s.error,
                     s.undo, s.undo_attempts, s.undo_error, s.undone_at
                from holdfast.sagas_steps s where s.saga = i.id order by s.seq desc limit 500) s) as steps,
           (select json_agg(a order by a.at) from (
              select a.action, a.step, a.reason, a.actor, a.at from holdfast.sagas_actions a
               where a.saga = i.id order by a.id desc limit 100) a) as actions,
           (select json_agg(g order by g.sent_at) from (
              select g.event, g.sent_at, g.taken_by from holdfast.sagas_signals g
               where g.saga = i.id order by g.id desc limit 100) g) as signals
      from holdfast.sagas_instances i join holdfast.sagas_kinds k on k.id = i.kind where i.id = $1`
  return (await db.query<DetailsRow>(text, [id, mostShown])).rows[0]
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
