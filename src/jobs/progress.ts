import { cleanText, type Db, type Tx } from '../core/index.js'
import { jobIdOf, type ClaimedJob } from './claimed-job.js'
import { jobsError } from './errors.js'
import { encodeKept } from './payload.js'
import { note, type Note, type NoteRow } from './progress-store.js'
import type { Noted } from './results-store.js'
import type { Checkpoint } from './types.js'

/** One write in so long: a reader sees a bar that moves, and the row is not rewritten at every step. */
const THROTTLE_MS = 500
const PROGRESS_DEADLINE_MS = 5_000
/** A save waits for nobody but a transaction in which an older run of the job saved. */
const SAVE_DEADLINE_MS = 30_000
const MOST_NOTE = 500

export interface NotesParts {
  db: Db
  worker: string
  /** Runs a write outside of the handler's own scope: in there it would count as a second connection of its transaction. */
  outside: <T>(body: () => T) => T
  /** Somebody wants the job to end. */
  onAsked: (jobIds: readonly string[]) => void
}

/** What one run notes: checkpoints, which are fenced, and progress, which never fails it. */
export class RunNotes {
  readonly checkpoint: Checkpoint = {
    load: async <T>() => (await this.#write({}, undefined)).checkpoint as T | undefined,
    save: async (state, { tx } = {}) => await this.#save(state, tx),
  }
  readonly #parts: NotesParts
  readonly #claimed: ClaimedJob
  readonly #job: { name: string; maxBytes: number }
  #latest: Noted | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #wroteAt = -Infinity
  #isClosed = false

  constructor(parts: NotesParts, claimed: ClaimedJob, job: { name: string; maxBytes: number }) {
    this.#parts = parts
    this.#claimed = claimed
    this.#job = job
  }

  async #save(state: unknown, tx: Tx | undefined): Promise<void> {
    const checkpoint = encodeKept(this.#job.name, 'checkpoint', state ?? null, this.#job.maxBytes) as string
    await this.#write({ checkpoint }, tx)
  }

  /** @throws HF_JOBS_LOST */
  async #write(what: Note, tx: Tx | undefined): Promise<{ checkpoint: unknown }> {
    if (this.#isClosed) throw this.#describeLost()
    const { db, worker, outside, onAsked } = this.#parts
    const options = { tell: false, deadlineMs: SAVE_DEADLINE_MS }
    const write = async (): Promise<NoteRow | undefined> => await note(tx ?? db, worker, this.#claimed, what, options)
    const row = tx === undefined ? await outside(write) : await write()
    if (row === undefined) throw this.#describeLost()
    if (row.is_asked) onAsked([jobIdOf(this.#claimed)])
    return { checkpoint: row.checkpoint ?? undefined }
  }

  #describeLost() {
    const message = `A run of ${this.#job.name} is no longer this worker's: nothing more is saved in its name.`
    return jobsError('HF_JOBS_LOST', message)
  }

  /** Takes note of how far the job is; what is no number is left out, as nothing here may fail a job. */
  report(done: number, total?: number, text?: string): void {
    if (this.#isClosed || !Number.isFinite(done)) return
    this.#latest = {
      done,
      total: total !== undefined && Number.isFinite(total) ? total : null,
      note: text === undefined ? null : cleanText(text).slice(0, MOST_NOTE),
    }
    if (this.#writing !== undefined || this.#timer !== undefined) return
    const waitMs = this.#wroteAt + THROTTLE_MS - performance.now()
    if (waitMs <= 0) this.#startWriting()
    else this.#timer = setTimeout(() => this.#startWriting(), waitMs)
  }

  #startWriting(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#latest === undefined) return
    const progress = this.#latest
    this.#latest = undefined
    this.#writing = this.#parts
      .outside(async () => await this.#writeProgress(progress))
      .finally(() => {
        this.#writing = undefined
        this.#wroteAt = performance.now()
        if (this.#latest !== undefined && !this.#isClosed)
          this.#timer = setTimeout(() => this.#startWriting(), THROTTLE_MS)
      })
  }

  async #writeProgress(progress: Noted, tx?: Tx): Promise<void> {
    const { db, worker, onAsked } = this.#parts
    try {
      const options = { tell: tx === undefined, deadlineMs: PROGRESS_DEADLINE_MS }
      const row = await note(tx ?? db, worker, this.#claimed, { progress }, options)
      if (row === undefined) this.#isClosed = true
      else if (row.is_asked) onAsked([jobIdOf(this.#claimed)])
    } catch (error) {
      // In the job's own transaction a failed statement has failed the job already.
      if (tx !== undefined) throw error
    }
  }

  /** Writes what was reported last, before the run ends: afterwards nothing may be written in its name. */
  async flush(): Promise<void> {
    this.close()
    await this.#writing
    const progress = this.#latest
    this.#latest = undefined
    if (progress !== undefined) await this.#parts.outside(async () => await this.#writeProgress(progress))
  }

  /** The same through the job's own transaction: another connection could wait for what that one holds. */
  async flushInTx(tx: Tx): Promise<void> {
    this.close()
    if (this.#latest !== undefined) await this.#writeProgress(this.#latest, tx)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
