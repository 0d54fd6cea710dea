import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { isHoldfastError, readSqlstate, type Db, type Logger } from '../core/index.js'
import { ClaimSize } from './claim-size.js'
import { parseClaim } from './claimed-job.js'
import type { Counts, Happening } from './counts.js'
import type { AnyDefinition } from './job-run.js'
import { LaneMarks, type KnownMarks } from './lane-marks.js'
import { Ledger } from './ledger.js'
import { Membership } from './membership.js'
import { jobDefaults } from './options.js'
import { Runner } from './runner.js'
import { claim, findMark, type ClaimRow } from './store.js'
import type { Worker, WorkerStats } from './types.js'

/** Another worker is claiming from the lane: it takes a few milliseconds. */
const BUSY_MS = 2
/** While there are jobs here that is no loss, and a look costs the server as much as a small claim. */
const BUSY_WITH_JOBS_MS = 8
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
  marks: KnownMarks
  concurrency: number
  leaseMs: number
  pollMs: number
  graceMs: number
  onStopped: () => void
  /** What became of these jobs is written. */
  onTold: (jobIds: readonly string[]) => void
}

/** What a claim brought. */
interface Found {
  rows: ClaimRow[]
  /** How many lanes it was to look at. */
  lanes: number
  most: number
  membership: Membership
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
  readonly #size: ClaimSize

  private constructor(parts: WorkerParts) {
    this.#parts = parts
    this.#size = new ClaimSize(parts.concurrency * largestGroup(parts.definitions))
    this.#marks = [...parts.definitions.keys()].map((lane) => new LaneMarks(lane, parts.marks))
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
    let [hasJoined, lossBefore] = [false, undefined as { error?: unknown } | undefined]
    // Its connection may break before there is anything to lose: then it has joined for nothing.
    const onLost = (error?: unknown) => (hasJoined ? this.#lose(error) : void (lossBefore = { error }))
    // What failed may be tried again without a pause, and a job may have waited for one that has ended.
    const onWritten = (mayBeReady: boolean) => {
      this.#runner.resume()
      if (mayBeReady) this.wake()
    }
    const membership = await Membership.join(db, leaseMs, onLost)
    const ledger = new Ledger(db, membership.id, onLost, onWritten, this.#parts.onTold)
    const counts = this.#countedBy(this.#parts.counts)
    const onDrained = () => {
      if (this.#runner.buffered < this.#size.value / 2) this.wake()
    }
    const outside = this.#outside
    const shared = { db, worker: membership.id, concurrency, ledger, counts, definitions }
    const runner = new Runner({ ...shared, outside, onDrained })
    this.#membership = membership
    this.#ledger = ledger
    this.#runner = runner
    this.#isLost = false
    hasJoined = true
    if (lossBefore) this.#lose(lossBefore.error)
  }

  #countedBy(counts: Counts): Counts {
    const add = (lane: number, what: Happening, amount = 1): void => {
      if (what === 'succeeded' || what === 'failed') {
        this.#totals[what] += amount
        this.#size.countFinished(amount)
      }
      counts.add(lane, what, amount)
    }
    return Object.assign(Object.create(counts) as Counts, { add })
  }

  async #pump(): Promise<void> {
    let coming: Promise<Found> | undefined
    while (!this.#isStopping || coming !== undefined) {
      try {
        if (coming === undefined && !(await this.#getReady())) continue
        const found: Found = await (coming ?? this.#claim())
        coming = undefined
        const amount = this.#note(found)
        if (this.#shouldClaimAhead(found)) coming = this.#claim()
        // While these jobs run the next claim is on its way; its request leaves before they take the loop.
        if (coming) await leaveTurn(coming)
        for (const row of found.rows) this.#take(row)
        if (amount === 0) await this.#rest(found)
      } catch (error) {
        coming = undefined
        await this.#survive(error)
      }
    }
  }

  /** False: something else is to be looked at first. */
  async #getReady(): Promise<boolean> {
    if (this.#isLost) await this.#rejoin()
    this.#isAwake = false
    if (this.#runner.buffered < this.#size.value / 2) return true
    await this.#sleep(this.#parts.pollMs)
    return false
  }

  async #survive(error: unknown): Promise<void> {
    // Nothing was sent: what this worker holds is still its own.
    if (!isHoldfastError(error, 'HF_POOL_TIMEOUT')) this.#lose(error)
    if (readSqlstate(error) === GONE) return
    this.#parts.logger.warn({ err: error }, 'Claiming jobs failed; it is tried again.')
    await this.#sleep(ERROR_MS)
  }

  async #claim(): Promise<Found> {
    const order = this.#order()
    const now = performance.now()
    const most = this.#size.value
    const membership = this.#membership
    const rows = await claim(
      this.#parts.db,
      membership.id,
      order.map(({ lane }) => lane),
      order.map((marks) => marks.choose(now)),
      order.map(({ opened }) => opened),
      most,
    )
    const tookMs = performance.now() - now
    for (const marks of order) marks.noteCost(tookMs)
    return { rows, lanes: order.length, most, membership }
  }

  #shouldClaimAhead({ rows, most }: Found): boolean {
    if (!this.#size.isFast || this.#isStopping || this.#isLost || !isFull(rows, most)) return false
    return this.#runner.buffered + countJobs(rows) < this.#size.value * 1.5
  }

  #take(row: ClaimRow): void {
    if (row.amount === 0 || this.#isLost) return
    this.#ledger.open(Number(row.cid), row.amount)
    this.#runner.add(parseClaim(row))
  }

  /** Remembers where the next claim begins. Gives how many jobs were found. */
  #note({ rows, lanes, most, membership }: Found): number {
    const [wasFull, now] = [isFull(rows, most), performance.now()]
    // Of a lane that another one was claiming from it is not known how much it holds.
    if (wasFull || rows.length === lanes) this.#size.note(wasFull, now)
    for (const row of rows) {
      const marks = this.#marks.find(({ lane }) => lane === row.lane) as LaneMarks
      const last = marks.note(row, wasFull)
      if (last !== undefined && marks.mayRaise(now)) void this.#raise(marks, last, membership)
    }
    return countJobs(rows)
  }

  /** A mark that cannot be found now is found later. */
  async #raise(marks: LaneMarks, last: number, membership: Membership): Promise<void> {
    const mark = await findMark(this.#parts.db, marks.lane, marks.safe, last, marks.opened).catch(() => 0)
    // After a crash of the server what was seen before it is worth nothing.
    if (membership === this.#membership && !this.#isLost) marks.raise(mark)
  }

  async #rest({ rows, lanes }: Found): Promise<void> {
    // A lane that gave no row was being claimed from by somebody else. Ends of jobs must not wake the worker from that.
    if (rows.length < lanes) await sleep(this.#runner.buffered > 0 ? BUSY_WITH_JOBS_MS : BUSY_MS)
    else await this.#sleep(this.#parts.pollMs)
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
    for (const marks of this.#marks) marks.forget()
  }

  async stop(): Promise<void> {
    await (this.#stopping ??= this.#stopOnce())
  }

  async #stopOnce(): Promise<void> {
    this.#isStopping = true
    this.wake()
    const unstarted = this.#runner.halt()
    await this.#pumping
    // With what a claim brought that was on its way.
    for (const job of [...unstarted, ...this.#runner.halt()]) this.#ledger.giveBack(job)
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

/** Jobs that one slot may take at once. */
function largestGroup(definitions: ReadonlyMap<number, AnyDefinition>): number {
  const sizes = [...definitions.values()].map(({ options }) => {
    if (options.mode === 'batch') return options.batchSize ?? jobDefaults.batchSize
    return options.mode === 'transaction' ? (options.sharedCommits ?? jobDefaults.sharedCommits) : 1
  })
  return Math.max(1, ...sizes)
}

const countJobs = (rows: readonly ClaimRow[]): number => rows.reduce((sum, { amount }) => sum + amount, 0)

/** As many were looked at as might be: there may be more. */
const isFull = (rows: readonly ClaimRow[], most: number): boolean =>
  rows.reduce((sum, { seen }) => sum + seen, 0) >= most

/** What fails meanwhile is heard of by whoever awaits it later. */
async function leaveTurn(coming: Promise<unknown>): Promise<void> {
  coming.catch(() => {})
  await new Promise<void>((resolve) => setImmediate(resolve))
}
