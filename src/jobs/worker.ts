import { AsyncLocalStorage } from 'node:async_hooks'
import { isHoldfastError, readSqlstate, type Db, type Logger } from '../core/index.js'
import { parseClaim } from './claimed-job.js'
import type { Counts, Happening } from './counts.js'
import type { AnyDefinition } from './job-run.js'
import { LaneMarks } from './lane-marks.js'
import { Ledger } from './ledger.js'
import { Membership } from './membership.js'
import { Runner } from './runner.js'
import { claim, findMark, type ClaimRow } from './store.js'
import type { Worker, WorkerStats } from './types.js'

/** Jobs in one claim: at first few, later as many as this worker finishes in a fifth of a second. */
const FIRST_CLAIM = 100
const MOST_CLAIM = 250
const HORIZON_S = 0.2
/** Another worker is claiming from the lane: it takes a millisecond or two. */
const BUSY_MS = 2
const ERROR_MS = 500
/** The worker's row is gone. */
const GONE = 'HF001'
/** After an abort handlers get this long to end. */
const ABORT_WAIT_MS = 1_000

export interface WorkerParts {
  db: Db
  counts: Counts
  logger: Logger
  definitions: ReadonlyMap<number, AnyDefinition>
  concurrency: number
  leaseMs: number
  pollMs: number
  graceMs: number
  onStopped: () => void
  /** What became of these jobs is written. */
  onTold: (jobIds: readonly string[]) => void
}

/** One worker: claims, runs, and starts anew under another id when it has lost its jobs. */
export class JobWorker implements Worker {
  readonly stopped: Promise<void>
  readonly #parts: WorkerParts
  readonly #marks: LaneMarks[]
  readonly #outside = AsyncLocalStorage.snapshot()
  #membership!: Membership
  #ledger!: Ledger
  #runner!: Runner
  #turn = 0
  #isStopping = false
  #isLost = false
  #wake: (() => void) | undefined
  #isAwake = false
  #pumping: Promise<void> | undefined
  #markStopped!: () => void
  #stopping: Promise<void> | undefined
  #totals = { succeeded: 0, failed: 0, lost: 0 }
  #rate = 0
  #rateAt = performance.now()
  #finished = 0

  private constructor(parts: WorkerParts) {
    this.#parts = parts
    this.#marks = [...parts.definitions.keys()].map((lane) => new LaneMarks(lane))
    this.stopped = new Promise((resolve) => (this.#markStopped = resolve))
  }

  static async start(parts: WorkerParts): Promise<JobWorker> {
    const worker = new JobWorker(parts)
    await worker.#join()
    worker.#pumping = worker.#pump()
    return worker
  }

  get id(): string {
    return this.#membership.id
  }

  stats(): WorkerStats {
    const { running, buffered } = this.#runner
    return { running, buffered, ...this.#totals, lost: this.#totals.lost + this.#ledger.lost }
  }

  /** There may be jobs: looks at once. */
  wake(): void {
    this.#isAwake = true
    this.#wake?.()
  }

  /** Somebody wants these to end; those that are not here are somebody else's. */
  cancel(jobIds: readonly string[]): void {
    if (!this.#isLost) this.#runner.cancel(jobIds)
  }

  async #join(): Promise<void> {
    const { db, concurrency, definitions, leaseMs } = this.#parts
    const onLost = (error?: unknown) => this.#lose(error)
    const membership = await Membership.join(db, leaseMs, onLost)
    const ledger = new Ledger(db, membership.id, onLost, this.#parts.onTold)
    const counts = this.#countedBy(this.#parts.counts)
    const onDrained = () => {
      if (this.#runner.buffered < this.#claimSize() / 2) this.wake()
    }
    const outside = this.#outside
    const shared = { db, worker: membership.id, concurrency, ledger, counts, definitions }
    const runner = new Runner({ ...shared, outside, onDrained })
    for (const marks of this.#marks) marks.forget()
    this.#membership = membership
    this.#ledger = ledger
    this.#runner = runner
    this.#isLost = false
  }

  #countedBy(counts: Counts): Counts {
    const add = (lane: number, what: Happening, amount = 1): void => {
      if (what === 'succeeded' || what === 'failed') {
        this.#totals[what] += amount
        this.#finished += amount
      }
      counts.add(lane, what, amount)
    }
    return Object.assign(Object.create(counts) as Counts, { add })
  }

  async #pump(): Promise<void> {
    while (!this.#isStopping) {
      try {
        if (this.#isLost) await this.#rejoin()
        this.#isAwake = false
        if (this.#runner.buffered >= this.#claimSize() / 2) await this.#sleep(this.#parts.pollMs)
        else if (!(await this.#claimOnce())) await this.#sleep(this.#parts.pollMs)
      } catch (error) {
        await this.#survive(error)
      }
    }
  }

  async #survive(error: unknown): Promise<void> {
    // Nothing was sent: what this worker holds is still its own.
    if (!isHoldfastError(error, 'HF_POOL_TIMEOUT')) this.#lose(error)
    if (readSqlstate(error) === GONE) return
    this.#parts.logger.warn({ err: error }, 'Claiming jobs failed; it is tried again.')
    await this.#sleep(ERROR_MS)
  }

  /** True: it should look again at once. */
  async #claimOnce(): Promise<boolean> {
    const order = this.#order()
    const now = performance.now()
    const most = this.#claimSize()
    const rows = await claim(
      this.#parts.db,
      this.#membership.id,
      order.map(({ lane }) => lane),
      order.map((marks) => marks.choose(now)),
      order.map(({ opened }) => opened),
      most,
    )
    let amount = 0
    for (const row of rows) {
      amount += this.#take(row)
      await this.#note(row, amount >= most)
    }
    if (amount > 0) return true
    // A lane that gave no row was being claimed from by somebody else, or is paused.
    if (rows.length < order.length) await this.#sleep(BUSY_MS)
    return false
  }

  #take(row: ClaimRow): number {
    const { amount } = row
    if (amount === 0 || this.#isLost) return 0
    this.#ledger.open(Number(row.cid), amount)
    this.#runner.add(parseClaim(row))
    return amount
  }

  async #note(row: ClaimRow, wasFull: boolean): Promise<void> {
    const marks = this.#marks.find(({ lane }) => lane === row.lane) as LaneMarks
    const last = marks.note(row, wasFull)
    if (last === undefined) return
    marks.raise(await findMark(this.#parts.db, marks.lane, marks.safe, last, marks.opened))
  }

  /** High before normal before low; but every fourth claim begins with normal, and every sixteenth with low. */
  #order(): LaneMarks[] {
    const turn = this.#turn++
    const first = turn % 16 === 15 ? 2 : turn % 4 === 3 ? 1 : 0
    const rank = ({ lane }: LaneMarks) => ((lane & 3) === first ? -1 : lane & 3)
    const from = turn % this.#marks.length
    // Queues of one priority take turns in being the first.
    const rotated = [...this.#marks.slice(from), ...this.#marks.slice(0, from)]
    return rotated.toSorted((a, b) => rank(a) - rank(b))
  }

  #claimSize(): number {
    const now = performance.now()
    if (now - this.#rateAt > 100) {
      const rate = this.#finished / ((now - this.#rateAt) / 1_000)
      this.#rate = this.#rate === 0 ? rate : this.#rate * 0.5 + rate * 0.5
      this.#rateAt = now
      this.#finished = 0
    }
    const wanted = this.#rate === 0 ? FIRST_CLAIM : this.#rate * HORIZON_S
    return Math.round(Math.min(MOST_CLAIM, Math.max(this.#parts.concurrency * 2, wanted)))
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#isAwake || this.#isStopping) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  /** Its jobs are, or will be, somebody else's: everything that runs is told so, and nothing of it is written. */
  #lose(error?: unknown): void {
    if (this.#isLost || this.#isStopping) return
    this.#isLost = true
    this.#totals.lost += this.#ledger.lost + this.#runner.running + this.#runner.buffered
    this.#parts.logger.warn({ err: error, worker: this.#membership.id }, 'A worker has lost its jobs; it begins anew.')
    this.#runner.halt()
    this.#runner.abortAll('HF_JOBS_LOST', 'The worker lost its lease or its connection; the job runs elsewhere.')
    this.#ledger.abandon()
    this.#runner.close()
    this.wake()
  }

  async #rejoin(): Promise<void> {
    await this.#membership.abandon()
    await this.#join()
  }

  async stop(): Promise<void> {
    await (this.#stopping ??= this.#stopOnce())
  }

  async #stopOnce(): Promise<void> {
    this.#isStopping = true
    this.wake()
    await this.#pumping
    for (const job of this.#runner.halt()) this.#ledger.giveBack(job)
    await this.#runner.waitForIdle(this.#parts.graceMs)
    this.#runner.abortAll('HF_JOBS_STOPPED', 'The worker is stopping; the job is handed back.')
    await this.#runner.waitForIdle(ABORT_WAIT_MS)
    this.#runner.disown()
    this.#runner.close()
    if (this.#isLost) await this.#membership.abandon()
    else {
      await this.#ledger.flush()
      await this.#membership.leave()
    }
    this.#parts.onStopped()
    this.#markStopped()
  }
}
