import { readSqlstate, type Db, type Tx } from '../core/index.js'
import { jobIdOf, type ClaimedJob } from './claimed-job.js'
import type { Counts } from './counts.js'
import { jobsError } from './errors.js'
import { JobQueue } from './job-queue.js'
import { describeTimeout, JobRun, type AnyDefinition } from './job-run.js'
import type { Ledger } from './ledger.js'
import { jobDefaults } from './options.js'
import { checkPayload, encodeKept } from './payload.js'
import type { NotesParts } from './progress.js'
import { concludeStatement } from './results-store.js'
import { describeError, planRetry } from './retry.js'
import { finishStatement, noteStart } from './store.js'

const LOOK_MS = 100
/** Jobs are started for so long, then everything else in the process has its turn. */
const SLICE_MS = 5
const LOST = 'HF002'
/** Jobs that a killed worker may repeat. */
const MOST_REPEATED = 100

export interface RunnerParts {
  db: Db
  worker: string
  concurrency: number
  ledger: Ledger
  counts: Counts
  /** By lane. */
  definitions: ReadonlyMap<number, AnyDefinition>
  /** Runs something as if nothing of a handler was around it. */
  outside: NotesParts['outside']
  /** Fewer jobs wait than before. */
  onDrained: () => void
}

/** Runs claimed jobs, so many at once, and writes what became of each into the ledger. */
export class Runner {
  readonly #parts: RunnerParts
  readonly #queue = new JobQueue()
  readonly #running = new Set<JobRun>()
  readonly #notesParts: NotesParts
  readonly #clock: NodeJS.Timeout
  /** Slots in use: one a run, or one a group of runs. */
  #busy = 0
  #isStopping = false
  #isFilling = false
  /** The last handler called was not asynchronous. */
  #endsAtOnce = false
  #onIdle: (() => void) | undefined

  constructor(parts: RunnerParts) {
    this.#parts = parts
    const { db, worker, outside } = parts
    this.#notesParts = { db, worker, outside, onAsked: (jobIds) => this.cancel(jobIds) }
    this.#clock = setInterval(() => this.#endOverdue(), LOOK_MS)
  }

  get buffered(): number {
    return this.#queue.length
  }

  get running(): number {
    return this.#running.size
  }

  add(jobs: readonly ClaimedJob[]): void {
    this.#queue.push(jobs)
    this.#fill()
  }

  #fill(): void {
    // A handler that is not asynchronous ends inside of this loop: the loop goes on by itself.
    if (this.#isFilling) return
    this.#isFilling = true
    const endsAt = performance.now() + SLICE_MS
    while (!this.#isStopping && this.#busy < this.#parts.concurrency) {
      const first = this.#queue.peek()
      if (first === undefined) break
      const definition = this.#parts.definitions.get(first.lane) as AnyDefinition
      if (this.#mustWait(definition)) break
      this.#busy++
      if (definition.options.mode === 'transaction') {
        void this.#runGroup(
          this.#queue.shiftGroup(definition.options.sharedCommits ?? jobDefaults.sharedCommits),
          definition,
        )
      } else if (definition.options.mode === 'batch') {
        void this.#runBatch(this.#queue.shiftGroup(definition.options.batchSize ?? jobDefaults.batchSize), definition)
      } else this.#runOne(this.#queue.shift() as ClaimedJob, definition)
      if (performance.now() > endsAt) return this.#fillLater()
    }
    this.#isFilling = false
    this.#parts.onDrained()
  }

  /**
   * What has ended and is not written down yet runs again when the process is killed, so it is little. Handlers that end
   * at once are excepted: the wait would be most of their time. Of a transaction nothing is repeated, and how much of a
   * batch is, its size says.
   */
  #mustWait({ options: { mode = 'at-least-once' } }: AnyDefinition): boolean {
    if (this.#endsAtOnce || mode !== 'at-least-once') return false
    const { concurrency, ledger } = this.#parts
    return this.#running.size + ledger.unwritten >= Math.max(MOST_REPEATED, concurrency * 2)
  }

  /** There may be room for more. */
  resume(): void {
    if (!this.#isFilling && !this.#isStopping && this.#queue.length > 0) this.#fill()
  }

  /** Handlers that are not asynchronous would keep the loop for as long as there are jobs. */
  #fillLater(): void {
    setImmediate(() => {
      this.#isFilling = false
      this.#fill()
    })
  }

  #begin(claimed: ClaimedJob, definition: AnyDefinition): JobRun {
    const run = new JobRun(claimed, definition, performance.now(), this.#notesParts)
    this.#running.add(run)
    return run
  }

  #runOne(claimed: ClaimedJob, definition: AnyDefinition): void {
    const run = this.#begin(claimed, definition)
    try {
      const handler = definition.options.handler as (job: JobRun) => unknown
      if (definition.options.schema !== undefined || claimed.crashes > 0) {
        const prepared = this.#prepare(run).then((isOurs) => (isOurs ? handler(run) : undefined))
        return void prepared.then(
          (value) => this.#succeed(run, value),
          (error) => this.#fail(run, error),
        )
      }
      run.payload = JSON.parse(claimed.body)
      const result = handler(run)
      this.#endsAtOnce = !isThenable(result)
      if (isThenable(result))
        result.then(
          (value) => this.#succeed(run, value),
          (error) => this.#fail(run, error),
        )
      else this.#succeed(run, result)
    } catch (error) {
      this.#fail(run, error)
    }
  }

  /** False: the job is no longer ours. */
  async #prepare(run: JobRun): Promise<boolean> {
    const { claimed, definition } = run
    const payload: unknown = JSON.parse(claimed.body)
    const { schema } = definition.options
    run.payload = schema ? await checkPayload(run.name, schema, payload) : payload
    if (claimed.crashes === 0) return true
    const isOurs = await noteStart(this.#parts.db, this.#parts.worker, claimed.lane, claimed.cid, claimed.id)
    if (!isOurs) throw jobsError('HF_JOBS_LOST', `A job ${run.name} was handed to another worker before it started.`)
    return true
  }

  #succeed(run: JobRun, value: unknown): void {
    if (run.isSettled || run.isEnding) return
    if (run.leaves) return void this.#endNoted(run, value)
    this.#parts.ledger.finish(run.claimed)
    this.#parts.counts.add(run.claimed.lane, 'succeeded')
    this.#settle(run)
    this.#free()
  }

  #fail(run: JobRun, error: unknown): void {
    if (run.isSettled || run.isEnding) return
    if (run.notes !== undefined) return void this.#endNoted(run, undefined, { error })
    this.#noteFailure(run, error)
    this.#settle(run)
    this.#free()
  }

  /** What it reported last is written before its end is: afterwards nothing may be written in its name. */
  async #endNoted(run: JobRun, value: unknown, failure?: { error: unknown }): Promise<void> {
    run.isEnding = true
    await this.#concludeAlone(run, value, failure)
    this.#free()
  }

  /** The slot belongs to somebody else. */
  async #concludeAlone(run: JobRun, value: unknown, failure?: { error: unknown }): Promise<void> {
    let failed = failure
    try {
      if (failed === undefined) keepResult(run, value)
    } catch (error) {
      failed = { error }
    }
    await run.notes?.flush()
    this.#settleAlone(run, failed && (failed.error ?? new Error('The handler failed.')))
  }

  #noteFailure(run: JobRun, error: unknown): void {
    const { claimed, definition, reason, attempt } = run
    const { ledger, counts } = this.#parts
    if (reason?.code === 'HF_JOBS_STOPPED') return ledger.giveBack(claimed)
    if (reason?.code === 'HF_JOBS_CANCELLED') return ledger.conclude(claimed, 'cancelled', null)
    if (run.leaves) ledger.tell(claimed)
    const runAt = planRetry(definition.options, attempt, error)
    ledger.fail(claimed, runAt, describeError(error, attempt))
    counts.add(claimed.lane, 'failed')
    if (runAt === null) counts.add(claimed.lane, 'died')
  }

  #settle(run: JobRun): void {
    run.isSettled = true
    run.notes?.close()
    this.#running.delete(run)
  }

  /** A slot is free again. */
  #free(): void {
    this.#busy--
    if (this.#busy === 0) this.#onIdle?.()
    if (this.#isFilling) return
    if (!this.#isStopping && this.#queue.length > 0) this.#fill()
    else this.#parts.onDrained()
  }

  /** Those of a group that may run; what is wrong with the others is settled. Before any transaction: it may need a connection. */
  async #prepareAll(group: readonly ClaimedJob[], definition: AnyDefinition): Promise<JobRun[]> {
    const ready: JobRun[] = []
    for (const run of group.map((claimed) => this.#begin(claimed, definition))) {
      try {
        await this.#prepare(run)
        ready.push(run)
      } catch (error) {
        this.#settleAlone(run, error)
      }
    }
    return ready
  }

  async #runBatch(group: readonly ClaimedJob[], definition: AnyDefinition): Promise<void> {
    const ready = await this.#prepareAll(group, definition)
    try {
      const handler = definition.options.handler as (jobs: readonly JobRun[], signal: AbortSignal) => unknown
      const leader = ready[0]
      const value = leader ? await handler(ready, leader.signal) : undefined
      for (const [n, run] of ready.entries())
        if (run.leaves) await this.#concludeAlone(run, takeShare(value, n, ready.length))
        else this.#settleAlone(run)
    } catch (error) {
      for (const run of ready) this.#settleAlone(run, error ?? new Error('The batch failed.'))
    }
    this.#free()
  }

  /** The slot belongs to the whole group. */
  #settleAlone(run: JobRun, error?: unknown): void {
    if (run.isSettled) return
    if (error === undefined) {
      if (run.leaves) this.#parts.ledger.conclude(run.claimed, 'succeeded', run.result)
      else this.#parts.ledger.finish(run.claimed)
      this.#parts.counts.add(run.claimed.lane, 'succeeded')
    } else this.#noteFailure(run, error)
    this.#settle(run)
  }

  /**
   * Jobs whose work and completion are one commit. In a group each has a savepoint: one that fails leaves the others
   * alone. When the commit itself fails none of them has happened, and each counts as failed.
   */
  async #runGroup(group: readonly ClaimedJob[], definition: AnyDefinition): Promise<void> {
    const runs = await this.#prepareAll(group, definition)
    if (runs.length === 0) return this.#free()
    const failures = new Map<JobRun, unknown>()
    const { timeoutMs = jobDefaults.timeoutMs } = definition.options
    const deadlineMs = timeoutMs === 0 ? 0 : timeoutMs * runs.length + 1_000
    try {
      await this.#parts.db.tx(async (tx) => await this.#runInTx(runs, tx, failures), { deadlineMs })
    } catch (error) {
      const cause = readSqlstate(error) === LOST ? describeLost(runs[0] as JobRun, error) : error
      for (const run of runs) this.#settleAlone(run, failures.get(run) ?? cause)
      return this.#free()
    }
    for (const run of runs) {
      if (failures.has(run)) this.#settleAlone(run, failures.get(run))
      else if (!run.isSettled) {
        if (run.leaves) this.#parts.ledger.tell(run.claimed)
        this.#parts.ledger.close(run.claimed)
        this.#parts.counts.add(run.claimed.lane, 'succeeded')
        this.#settle(run)
      }
    }
    this.#free()
  }

  async #runInTx(runs: readonly JobRun[], tx: Tx, failures: Map<JobRun, unknown>): Promise<void> {
    const done: JobRun[] = []
    for (const run of runs) {
      const handler = run.definition.options.handler as (job: JobRun) => Promise<unknown>
      try {
        if (runs.length === 1) await this.#handleInTx(run, tx, handler)
        else await tx.savepoint(async (inner) => await this.#handleInTx(run, inner, handler))
        done.push(run)
      } catch (error) {
        failures.set(run, error ?? new Error('The handler failed.'))
        if (runs.length === 1) throw error
      }
    }
    const { worker } = this.#parts
    const [first] = done
    if (first === undefined) return
    const { lane } = first.claimed
    const ids = done.map(({ claimed }) => claimed.id)
    const cids = done.map(({ claimed }) => claimed.cid)
    const leaves = done.some((run) => run.leaves)
    tx.beforeCommit(
      leaves ? concludeStatement(worker, lane, done.map(toKept)) : finishStatement(worker, lane, ids, cids),
    )
  }

  async #handleInTx(run: JobRun, tx: Tx, handler: (job: JobRun) => Promise<unknown>): Promise<void> {
    run.tx = tx
    const value = await handler(run)
    // Its time is over, or it was told to stop: what it wrote must not be committed.
    if (run.reason) throw run.reason
    if (!run.leaves) return
    keepResult(run, value)
    await run.notes?.flushInTx(tx)
  }

  #endOverdue(): void {
    const now = performance.now()
    for (const run of this.#running) {
      if (now < run.endsAt || (run.reason && run.reason.code !== 'HF_JOBS_CANCELLED')) continue
      const error = run.reason ?? describeTimeout(run)
      run.abort(error)
      // A handler that never ends must not hold its slot; in a transaction the deadline of that ends it.
      if (run.definition.options.mode === undefined || run.definition.options.mode === 'at-least-once')
        this.#fail(run, error)
    }
  }

  /** Ends those of these jobs that are here. One that runs is told so; a batch is not: its other jobs go on. */
  cancel(jobIds: readonly string[]): void {
    const wanted = new Set(jobIds)
    for (const claimed of this.#queue.remove((job) => wanted.has(jobIdOf(job))))
      this.#parts.ledger.conclude(claimed, 'cancelled', null)
    for (const run of this.#running)
      if (wanted.has(run.id) && run.definition.options.mode !== 'batch') run.abort(describeCancelled(run))
  }

  /** Starts nothing any more; gives what waits. */
  halt(): ClaimedJob[] {
    this.#isStopping = true
    return this.#queue.clear()
  }

  /** Resolves when nothing runs, or after `ms`. */
  async waitForIdle(ms: number): Promise<void> {
    if (this.#busy === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  abortAll(code: 'HF_JOBS_STOPPED' | 'HF_JOBS_LOST', message: string): void {
    for (const run of this.#running) run.abort(jobsError(code, message))
  }

  /** Hands back what still runs: whatever those handlers do from now on is no longer the job's. */
  disown(): void {
    for (const run of this.#running) {
      this.#parts.ledger.giveBack(run.claimed)
      run.notes?.close()
      run.isSettled = true
    }
    this.#running.clear()
  }

  close(): void {
    clearInterval(this.#clock)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** JSON text of what a handler returned, where its runs are kept. @throws HF_JOBS_RESULT_INVALID, HF_JOBS_RESULT_TOO_LARGE */
function keepResult(run: JobRun, value: unknown): void {
  const { keepMs = jobDefaults.keepMs, maxBytes = jobDefaults.maxBytes } = run.definition.options
  if (keepMs > 0) run.result = encodeKept(run.name, 'result', value, maxBytes) ?? null
}

/** Of what a batch returned, the share of one job: an array as long as the batch holds one for each. */
function takeShare(value: unknown, n: number, amount: number): unknown {
  return Array.isArray(value) && value.length === amount ? (value as unknown[])[n] : undefined
}

const toKept = ({ claimed: { id, cid }, result }: JobRun) => ({ id, cid, result })

function describeCancelled({ name }: JobRun) {
  return jobsError('HF_JOBS_CANCELLED', `Somebody wants this run of ${name} to end.`)
}

function describeLost({ name }: JobRun, cause: unknown) {
  return jobsError('HF_JOBS_LOST', `A job ${name} was handed to another worker; what this one did was rolled back.`, {
    cause,
  })
}
