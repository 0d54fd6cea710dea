import { readSqlstate, type Db, type Logger } from '../core/index.js'
import { describeError } from './payload.js'
import type { StartRecord, StartRow, Write } from './records.js'
import type { Run } from './run.js'
import { start, write } from './store.js'

const MOST_PER_STATEMENT = 200
/** Rows that somebody has locked, such as one who sends a signal. */
const LOCKED_AGAIN_MS = 5
const FAILED_AGAIN_MS = 200

export interface WriterParts {
  db: Db
  owner: string
  logger: Logger
  isPrepared: boolean
  /** Out of the context of whoever has something to write: that may be the transaction of a step. */
  outside: (body: () => void) => void
  /** It is in other hands. */
  onLost: (run: Run) => void
}

interface Starting {
  record: StartRecord
  run: Run | undefined
  resolve: (row: StartRow) => void
  reject: (error: unknown) => void
}

/**
 * Writes what became of a process's sagas, one statement for all that have something to say at the time: they share its
 * commit, which is nearly all that a step costs. Nobody waits for company.
 */
export class Writer {
  readonly #parts: WriterParts
  readonly #dirty = new Set<Run>()
  #starting: Starting[] = []
  #isWriting = false
  #isStarting = false
  #isScheduled = false
  #isClosed = false

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  enqueue(run: Run): void {
    if (this.#isClosed || run.isOver) return
    this.#dirty.add(run)
    this.#schedule()
  }

  /** Nothing is written any more. */
  close(): void {
    this.#isClosed = true
    this.#dirty.clear()
  }

  get isIdle(): boolean {
    return this.#dirty.size === 0 && !this.#isWriting && !this.#isStarting && this.#starting.length === 0
  }

  async start(record: StartRecord, run: Run | undefined): Promise<StartRow> {
    return await new Promise((resolve, reject) => {
      this.#starting.push({ record, run, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    const flush = () => {
      this.#isScheduled = false
      void this.#startSome()
      void this.#writeSome()
    }
    this.#parts.outside(() => setImmediate(flush))
  }

  async #startSome(): Promise<void> {
    if (this.#isStarting || this.#starting.length === 0) return
    this.#isStarting = true
    const batch = this.#starting.splice(0, MOST_PER_STATEMENT)
    const { db, owner, isPrepared } = this.#parts
    const versions = batch.map(({ run }) => run?.row.outbox.version ?? 0)
    try {
      const records = batch.map(({ record, run }) => (run ? { ...record, doing: [...run.row.doing.values()] } : record))
      const rows = new Map((await start(db, owner, records, isPrepared)).map((row) => [row.token, row]))
      for (const [n, { record, run, resolve }] of batch.entries()) {
        const row = rows.get(record.token) as StartRow
        if (run && row.is_owned) run.noteStarted(versions[n] as number)
        resolve(row)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      this.#isStarting = false
      if (this.#starting.length > 0) this.#schedule()
    }
  }

  async #writeSome(): Promise<void> {
    if (this.#isWriting || this.#isClosed) return
    const runs: Run[] = []
    for (const run of this.#dirty) {
      if (runs.length === MOST_PER_STATEMENT) break
      this.#dirty.delete(run)
      if (run.canWrite) runs.push(run)
    }
    if (runs.length === 0) return
    this.#isWriting = true
    await this.#write(
      runs,
      runs.map((run) => run.takeWrite()),
    )
    this.#isWriting = false
    if (this.#dirty.size > 0) this.#schedule()
  }

  async #write(runs: readonly Run[], writes: readonly Write[]): Promise<void> {
    const { db, owner, isPrepared } = this.#parts
    let written
    try {
      written = new Map((await write(db, owner, writes, false, isPrepared)).map((row) => [row.id, row]))
    } catch (error) {
      return this.#noteFailure(runs, error)
    }
    for (const run of runs) {
      const answer = written.get(run.id)
      if (answer) run.noteWritten(answer)
      else {
        run.row.putBack()
        setTimeout(() => void this.#writeAlone(run), LOCKED_AGAIN_MS)
      }
    }
  }

  /** Locked by somebody, or in other hands: by itself it can wait to find out. */
  async #writeAlone(run: Run): Promise<void> {
    if (this.#isClosed || !run.canWrite) return
    const { db, owner, isPrepared, onLost } = this.#parts
    const one = run.takeWrite()
    try {
      const [answer] = await write(db, owner, [one], true, isPrepared)
      if (answer) run.noteWritten(answer)
      else if (!run.isOver) onLost(run)
    } catch (error) {
      this.#noteFailure([run], error)
    }
  }

  /**
   * What the server refuses of one must not keep the others from being written: each is tried by itself, and the one that
   * is refused again is stuck. What did not reach the server is sent again: repeated, it changes nothing.
   */
  #noteFailure(runs: readonly Run[], error: unknown): void {
    const isRefused = /^(?:22|23|54)/.test(readSqlstate(error) ?? '')
    for (const run of runs) run.row.putBack()
    if (isRefused && runs.length === 1) {
      const [run] = runs as [Run]
      run.row.outbox.drop()
      return run.stick(describeError(error))
    }
    if (!isRefused)
      this.#parts.logger.warn({ err: error }, 'What became of sagas could not be written; it is tried again.')
    const again = () => {
      for (const run of runs)
        if (isRefused) void this.#writeAlone(run)
        else this.enqueue(run)
    }
    setTimeout(again, isRefused ? 0 : FAILED_AGAIN_MS)
  }
}
