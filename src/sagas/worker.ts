import { AsyncLocalStorage } from 'node:async_hooks'
import { hostname } from 'node:os'
import { readSqlstate, type Db, type Logger } from '../core/index.js'
import type { AnyDefinition } from './define-saga.js'
import { describeCrashes } from './faults.js'
import { Gate } from './gate.js'
import type { Loaded, StartRecord, StartRow } from './records.js'
import { Run } from './run.js'
import type { Leaving, RunHost } from './run-types.js'
import * as store from './store.js'
import type { Worker, WorkerStats } from './types.js'
import { Writer } from './writer.js'

const LEAST_BEAT_DEADLINE_MS = 500
/** Of the pool, for writes, heartbeats and claims: steps that hold a connection leave so many. */
const SPARE_CONNECTIONS = 2
const ERROR_MS = 500
/** The worker's row is gone. */
const GONE = 'HF042'
/** Owners that may die with a saga, one after the other, before it is left to a person. */
const MOST_CRASHES = 10
/** Upkeep that need not be done at every look. */
const PRUNE_EVERY_MS = 60_000
const PRUNE_MOST = 1_000
const CLAIM_MOST = 100
/** What a stopping worker has to write may take so long. */
const LAST_WRITES_MS = 5_000

export interface SagaWorkerParts {
  db: Db
  logger: Logger
  definitions: ReadonlyMap<number, AnyDefinition>
  isPrepared: boolean
  concurrency: number
  leaseMs: number
  pollMs: number
  graceMs: number
  /** A saga has ended, or was handed over: others may look. */
  onLeft: (run: Run, how: Leaving) => void
  onUndoing: (run: Run) => void
  onStopped: () => void
}

/** The sagas of one process: those it starts, those it claims, its heartbeat. Lost ones it leaves alone, under a new name. */
export class SagaWorker implements Worker, RunHost {
  readonly #parts: SagaWorkerParts
  readonly #runs = new Map<string, Run>()
  readonly #outside = AsyncLocalStorage.snapshot()
  readonly gate: Gate
  readonly #stats: WorkerStats = { running: 0, done: 0, compensated: 0, stuck: 0, parked: 0, lost: 0 }
  #owner = ''
  #writer!: Writer
  #clock = { server: 0, local: 0 }
  #seenAt = 0
  #beatTimer: NodeJS.Timeout | undefined
  #pumping: Promise<void> | undefined
  #wake: (() => void) | undefined
  #isAwake = false
  #isStopping = false
  #isLost = false
  #prunedAt = -Infinity
  /** Owned at the last heartbeat, and not known here. */
  #unknown = new Set<string>()
  #stopping: Promise<void> | undefined

  private constructor(parts: SagaWorkerParts) {
    this.#parts = parts
    this.gate = new Gate(Math.max(1, (parts.db.pool.options.max ?? 10) - SPARE_CONNECTIONS))
  }

  static async start(parts: SagaWorkerParts): Promise<SagaWorker> {
    const worker = new SagaWorker(parts)
    await worker.#join()
    worker.#pumping = worker.#pump()
    return worker
  }

  get db(): Db {
    return this.#parts.db
  }

  get logger(): Logger {
    return this.#parts.logger
  }

  get owner(): string {
    return this.#owner
  }

  now(): number {
    return this.#clock.server + performance.now() - this.#clock.local
  }

  stats(): WorkerStats {
    return { ...this.#stats, running: this.#runs.size }
  }

  /** Has room for one more, and knows its kind. */
  canRun(kind: number): boolean {
    return (
      !this.#isStopping &&
      !this.#isLost &&
      this.#runs.size < this.#parts.concurrency &&
      this.#parts.definitions.has(kind)
    )
  }

  find(id: string): Run | undefined {
    return this.#runs.get(id)
  }

  /** There may be something due. */
  wake(): void {
    this.#isAwake = true
    this.#wake?.()
  }

  /** Somebody did something with it: a signal, or a wish to end. */
  hear(id: string, what: string): void {
    const run = this.#runs.get(id)
    if (run === undefined) return this.wake()
    if (what === 'cancel') run.cancel()
    else if (run.row.inbox.isWaiting) this.refresh(run)
  }

  // ── What runs ask of their process. ──

  enqueue(run: Run): void {
    this.#writer.enqueue(run)
  }

  reload(run: Run, isCautious: boolean): void {
    if (run.isOver) return
    run.abandon()
    void this.#reload(run, isCautious)
  }

  async #reload(run: Run, isCautious: boolean): Promise<void> {
    const owner = this.#owner
    while (!this.#isLost && owner === this.#owner) {
      try {
        const loaded = await store.load(this.db, owner, run.id)
        if (loaded === undefined || loaded.fence !== run.row.fence) return this.left(run, 'lost')
        if (this.#isStopping) return this.left(run, 'handed')
        return this.#open(loaded, isCautious)
      } catch (error) {
        this.logger.warn({ err: error, saga: run.id }, 'A saga could not be read again; it is tried again.')
        await new Promise((resolve) => setTimeout(resolve, ERROR_MS))
      }
    }
  }

  undoing(run: Run): void {
    this.#parts.onUndoing(run)
  }

  left(run: Run, how: Leaving): void {
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id)
    if (how !== 'handed') this.#stats[how]++
    if (how === 'lost')
      this.logger.warn({ saga: run.id }, 'A saga is in other hands; this process goes no further with it.')
    this.#parts.onLeft(run, how)
    if (this.#runs.size === this.#parts.concurrency - 1) this.wake()
  }

  refresh(run: Run): void {
    store.listSignals(this.db, run.id).then(
      ({ signals, waiting }) => run.isListening && run.row.inbox.note(signals, waiting),
      (error: unknown) => this.logger.debug({ err: error, saga: run.id }, 'Signals could not be read.'),
    )
  }

  // ── Sagas come. ──

  /** Starts one here: its function runs up to its first step while the row is on its way. */
  async begin(definition: AnyDefinition, kind: number, record: StartRecord, input: unknown): Promise<StartRow> {
    const loaded: Loaded = {
      id: record.id,
      kind,
      fence: 1,
      state: 'running',
      is_undoing: false,
      is_pivoted: false,
      is_cancelled: false,
      crashes: 0,
      signals: 0,
      doing: [],
      input,
      error: null,
      ends_by: this.now() + record.timeoutMs,
      steps: null,
      waiting: null,
    }
    const run = new Run(this, definition, loaded, false, false)
    const owner = this.#owner
    await this.#outside(async () => await run.begin())
    const other = this.#runs.get(record.id)
    if (!other) this.#runs.set(record.id, run)
    try {
      const row = await this.#outside(async () => await this.#writer.start(record, run))
      // Lost meanwhile, it is left to whoever claims it, who may be this process under its next name.
      if (row.is_owned === true && owner === this.#owner && !run.isOver) {
        this.#runs.set(record.id, run)
        return row
      }
      run.abandon()
      this.#forget(run)
      return row
    } catch (error) {
      run.abandon()
      this.#forget(run)
      throw error
    }
  }

  #forget(run: Run): void {
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id)
  }

  #open(loaded: Loaded, isCautious = false): void {
    const definition = this.#parts.definitions.get(loaded.kind) as AnyDefinition
    const run = new Run(this, definition, loaded, true, isCautious)
    this.#runs.set(run.id, run)
    if (loaded.crashes >= MOST_CRASHES) {
      const steps = loaded.doing.map(({ name }) => name)
      return run.stick(describeCrashes(loaded.id, loaded.crashes, steps))
    }
    void this.#outside(async () => await run.begin())
  }

  // ── The loop. ──

  async #pump(): Promise<void> {
    while (!this.#isStopping) {
      this.#isAwake = false
      try {
        if (this.#isLost) await this.#join()
        const amount = await this.#look()
        if (amount > 0) continue
      } catch (error) {
        if (readSqlstate(error) === GONE) this.#lose()
        else this.logger.warn({ err: error }, 'Looking for sagas failed; it is tried again.')
        await this.#sleep(ERROR_MS)
        continue
      }
      await this.#sleep(this.#parts.pollMs)
    }
  }

  /** Gives how many there is reason to look again for at once. */
  async #look(): Promise<number> {
    for (const run of this.#runs.values()) run.checkTime()
    await store.handOn(this.db)
    if (performance.now() - this.#prunedAt > PRUNE_EVERY_MS) {
      this.#prunedAt = performance.now()
      while ((await store.prune(this.db, PRUNE_MOST)) === PRUNE_MOST && !this.#isStopping);
    }
    const most = Math.min(CLAIM_MOST, this.#parts.concurrency - this.#runs.size)
    if (most <= 0) return 0
    const { definitions, isPrepared } = this.#parts
    const owner = this.#owner
    const found = await store.claim(this.db, owner, [...definitions.keys()], most, isPrepared)
    if (owner !== this.#owner || this.#isLost) return 0
    for (const loaded of found) if (!this.#runs.has(loaded.id)) this.#open(loaded)
    return found.length
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

  // ── Its place among the others. ──

  async #join(): Promise<void> {
    const { db, leaseMs, definitions, logger, isPrepared } = this.#parts
    const sentAt = performance.now()
    const { owner, nowMs } = await store.join(db, `${hostname()}:${process.pid}`, leaseMs, [...definitions.keys()])
    this.#owner = owner
    this.#noteClock(sentAt, nowMs)
    const onLost = (run: Run) => {
      run.abandon()
      this.left(run, 'lost')
    }
    this.#writer = new Writer({ db, owner, logger, isPrepared, outside: this.#outside, onLost })
    this.#isLost = false
    this.#beatTimer ??= setInterval(() => void this.#beat(), leaseMs / 3)
  }

  /** A heartbeat counts from before it was sent. */
  #noteClock(sentAt: number, nowMs: number): void {
    this.#seenAt = sentAt
    this.#clock = { server: nowMs, local: (sentAt + performance.now()) / 2 }
  }

  async #beat(): Promise<void> {
    if (this.#isLost) return
    const { leaseMs } = this.#parts
    const [owner, sentAt] = [this.#owner, performance.now()]
    if (sentAt - this.#seenAt > leaseMs) return this.#lose()
    try {
      const answer = await store.beat(this.db, owner, Math.max(LEAST_BEAT_DEADLINE_MS, leaseMs / 3))
      if (owner !== this.#owner) return
      if (answer === undefined) return this.#lose()
      this.#noteClock(sentAt, answer.nowMs)
      for (const id of answer.cancelled) this.#runs.get(id)?.cancel()
      await this.#adopt(answer.owned)
    } catch (error) {
      // Out of reach: the lease goes on running out, and the next beat tries again.
      this.logger.debug({ err: error }, 'A heartbeat of sagas failed.')
    }
  }

  /**
   * What is in its name for two heartbeats and unknown here was started or claimed by a statement whose answer was lost: nobody
   * else will ever look at it.
   */
  async #adopt(owned: readonly string[]): Promise<void> {
    const unknown = owned.filter((id) => !this.#runs.has(id))
    const orphans = unknown.filter((id) => this.#unknown.has(id))
    this.#unknown = new Set(unknown)
    for (const id of orphans) {
      const loaded = await store.load(this.db, this.#owner, id)
      if (loaded && !this.#runs.has(id) && !this.#isStopping && !this.#isLost) this.#open(loaded)
    }
  }

  /** Its sagas are, or will be, somebody else's. */
  #lose(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#writer.close()
    this.#stats.lost += this.#runs.size
    this.logger.warn({ owner: this.#owner, sagas: this.#runs.size }, 'A process has lost its sagas; it begins anew.')
    for (const run of this.#runs.values()) run.abandon()
    this.#runs.clear()
    this.wake()
  }

  async stop(): Promise<void> {
    await (this.#stopping ??= this.#stopOnce())
  }

  async #stopOnce(): Promise<void> {
    this.#isStopping = true
    this.wake()
    await this.#pumping
    const { graceMs } = this.#parts
    await Promise.all([...this.#runs.values()].map(async (run) => await run.handOver(graceMs)))
    const until = performance.now() + LAST_WRITES_MS
    while (this.#runs.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
    clearInterval(this.#beatTimer)
    for (const run of this.#runs.values()) run.abandon()
    this.#runs.clear()
    this.#writer.close()
    if (!this.#isLost) await store.leave(this.db, this.#owner).catch(() => {})
    this.#parts.onStopped()
  }
}
