// SQL of what a running job notes and of the wish that it end. Its functions: migrations/0006.

import type { Queryable } from '../core/index.js'
import { jobIdOf, type ClaimedJob } from './claimed-job.js'
import type { Noted } from './results-store.js'

/** Not the channel of the lanes: what is told here concerns those who watch a job, and those who run one. */
export const TIDINGS = 'holdfast_jobs_tidings'

export interface Note {
  /** JSON text. */
  checkpoint?: string
  progress?: Noted
}

export interface NoteRow {
  checkpoint: unknown
  is_asked: boolean
}

/**
 * Writes down what is given, and reads the checkpoint. Undefined: the run is not this worker's any more, and nothing was
 * written. `tell` notifies in the same statement: never in a user's transaction, where it takes a lock that all commits
 * of the server share.
 */
export async function note(
  db: Queryable,
  worker: string,
  claimed: ClaimedJob,
  { checkpoint, progress }: Note,
  { tell, deadlineMs }: { tell: boolean; deadlineMs: number },
): Promise<NoteRow | undefined> {
  const text = `/* holdfast:jobs.note */
    select n.checkpoint, n.is_asked${tell ? `, pg_notify('${TIDINGS}', $5::bigint::text)` : ''}
      from holdfast.jobs_note($1, $2, $3, $4, $5, $6, $7, $8) n`
  const amounts = progress === undefined ? null : [progress.done, progress.total]
  const { lane, id, cid } = claimed
  const values = [worker, lane, id, cid, jobIdOf(claimed), checkpoint ?? null, amounts, progress?.note ?? null]
  return (await db.query<NoteRow>(text, values, { deadlineMs })).rows[0]
}

export async function notifyTidings(db: Queryable, payloads: readonly string[]): Promise<void> {
  const text = `/* holdfast:jobs.tell */ select pg_notify('${TIDINGS}', p) from unnest($1::text[]) p`
  await db.query(text, [payloads])
}

/** Takes out a job that waits, asks for the end of one that runs; null: there is none. */
export async function stopJob(db: Queryable, id: string): Promise<'cancelled' | 'asked' | null> {
  const text = '/* holdfast:jobs.stop */ select holdfast.jobs_stop($1) as answer'
  return (await db.query<{ answer: 'cancelled' | 'asked' | null }>(text, [id])).rows[0]?.answer ?? null
}

/** Carries out what was asked for of jobs that wait again; gives the ids of those that run. */
export async function pursueCancels(db: Queryable, most: number): Promise<string[]> {
  const text = '/* holdfast:jobs.pursue-cancels */ select holdfast.jobs_pursue_cancels($1) as ids'
  return (await db.query<{ ids: string[] }>(text, [most])).rows[0]?.ids ?? []
}

/** Gives where to go on; null: from the beginning. */
export async function sweepProgress(db: Queryable, from: string, most: number): Promise<string | null> {
  const text = '/* holdfast:jobs.sweep-progress */ select holdfast.jobs_sweep_progress($1, $2)::text as next'
  return (await db.query<{ next: string | null }>(text, [from, most])).rows[0]?.next ?? null
}

export interface ProgressRow {
  /** null: nothing was reported. */
  progress: Noted | null
  has_checkpoint: boolean
  is_asked: boolean
}

/** Two steps in two primary keys. */
export async function findProgress(db: Queryable, id: string): Promise<ProgressRow> {
  const text = `/* holdfast:jobs.find-progress */
    select case when p.done is not null then json_build_object('done', p.done, 'total', p.total, 'note', p.note) end as progress,
           p.checkpoint is not null as has_checkpoint, exists (select from holdfast.jobs_cancels c where c.job_id = $1) as is_asked
      from (select) one left join holdfast.jobs_progress p on p.job_id = $1`
  return (await db.query<ProgressRow>(text, [id])).rows[0] as ProgressRow
}
