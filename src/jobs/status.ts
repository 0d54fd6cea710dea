import type { Db } from '../core/index.js'
import { jobsError } from './errors.js'
import type { JobLife, JobsInspector } from './inspect-types.js'
import { findProgress, type ProgressRow } from './progress-store.js'
import { findResult, type ResultRow } from './results-store.js'
import type { Tidings } from './tidings.js'
import type { JobState, JobStatus, KeptRun, WatchOptions } from './types.js'

export interface StatusParts {
  db: Db
  inspect: JobsInspector
  tidings: Tidings
}

/**
 * Where it lives first, then what is kept of it: a job that ends between the two looks is found by the second one.
 * Undefined: it was never sent, or has ended and is not kept.
 */
export async function findStatus({ db, inspect }: StatusParts, id: string): Promise<JobStatus | undefined> {
  const life = await inspect.findJob(id)
  if (life.place !== 'unknown') return describeLive(life, await findProgress(db, id))
  const kept = await findKept(db, id)
  return kept && describeEnded(kept)
}

/** What is no id is no job's. */
export async function findKept(db: Db, id: string): Promise<KeptRun | undefined> {
  if (!/^\d{1,18}$/.test(id)) return undefined
  const row = await findResult(db, id)
  return row && toKeptRun(row)
}

export function toKeptRun(row: ResultRow): KeptRun {
  const { id, name, outcome, attempts, key, progress, result } = row
  return {
    id,
    name,
    outcome,
    attempts,
    sentAt: row.sent_at,
    finishedAt: row.finished_at,
    expiresAt: row.expires_at,
    key,
    uniqueKey: row.unique_key,
    isBlocked: row.is_blocked,
    errors: row.errors ?? [],
    progress,
    payload: row.body,
    result,
    redrivenAs: row.redriven_as,
  }
}

function describeLive(life: JobLife, { progress, is_asked: isAsked }: ProgressRow): JobStatus {
  const state = findState(life)
  return {
    id: life.id,
    name: life.name ?? '',
    state,
    isCancelling: isAsked && state === 'running',
    attempt: life.attempt ?? 1,
    sentAt: life.sentAt,
    progress,
    waits: life.waits,
    error: pickError(life.errors),
    finishedAt: life.diedAt,
    expiresAt: null,
    result: null,
  }
}

function findState({ place, attempt }: JobLife): JobState {
  if (place === 'dead' || place === 'running') return place
  return place === 'retry' || (attempt ?? 1) > 1 ? 'retrying' : 'waiting'
}

function describeEnded({ outcome, attempts, errors, ...run }: KeptRun): JobStatus {
  const { id, name, sentAt, progress, finishedAt, expiresAt, result } = run
  const error = outcome === 'succeeded' ? null : pickError(errors)
  const known = { id, name, sentAt, progress, finishedAt, expiresAt, result, error }
  return { ...known, state: outcome, isCancelling: false, attempt: attempts, waits: [] }
}

function pickError(errors: readonly { name: string; message: string }[]): JobStatus['error'] {
  const last = errors.at(-1)
  return last === undefined ? null : { name: last.name, message: last.message }
}

const ended: ReadonlySet<JobState> = new Set(['succeeded', 'dead', 'cancelled'])

/** A notification makes it look at once; where none arrives, it looks every `pollMs`. */
export async function* watchJob(
  parts: StatusParts,
  id: string,
  { signal, pollMs = 1_000, deadlineMs = 3_600_000 }: WatchOptions,
): AsyncGenerator<JobStatus, void, undefined> {
  signal?.throwIfAborted()
  const endsAt = deadlineMs === 0 ? Infinity : performance.now() + deadlineMs
  const bell = new Bell()
  const unsubscribe = parts.tidings.subscribe(id, () => bell.ring())
  try {
    const stopListening = await parts.tidings.listen()
    try {
      let seen = ''
      for (;;) {
        const status = await findStatus(parts, id)
        if (status === undefined) return
        const text = JSON.stringify(status)
        if (text !== seen) yield status
        seen = text
        if (ended.has(status.state)) return
        const leftMs = endsAt - performance.now()
        if (leftMs <= 0) throw describeDeadline(id, deadlineMs)
        await bell.wait(Math.min(pollMs, leftMs), signal)
      }
    } finally {
      await stopListening()
    }
  } finally {
    unsubscribe()
  }
}

function describeDeadline(id: string, deadlineMs: number) {
  return jobsError('HF_JOBS_WATCH_DEADLINE', `The job ${id} had not ended after ${deadlineMs} ms of watching.`)
}

/** Rung while nobody waits, it ends the next wait at once: nothing that happens between two looks is missed. */
class Bell {
  #isRung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#isRung = true
    this.#wake?.()
  }

  async wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (!this.#isRung) await this.#sleep(ms, signal)
    this.#isRung = false
    signal?.throwIfAborted()
  }

  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(end, ms)
      this.#wake = end
      signal?.addEventListener('abort', end, { once: true })
    })
  }
}
