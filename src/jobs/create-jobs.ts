import { splitArguments, stderrLogger, validateOptions, type Db, type Logger, type Tx } from '../core/index.js'
import { Counts } from './counts.js'
import { Crons } from './crons.js'
import { jobsError } from './errors.js'
import { makeInspector } from './inspect.js'
import type { JobsInspector } from './inspect-types.js'
import type { AnyDefinition } from './job-run.js'
import type { KnownMarks } from './lane-marks.js'
import { jobDefaults, redriveOptionTable, sendOptionTable, watchOptionTable, workOptionTable } from './options.js'
import { encodePayload, encodePayloads } from './payload.js'
import { stopJob } from './progress-store.js'
import { redriveRuns, toQuery } from './redrive.js'
import { listSucceeded, setKeeps } from './results-store.js'
import { Sender } from './sender.js'
import { findKept, findStatus, toKeptRun, watchJob, type StatusParts } from './status.js'
import * as store from './store.js'
import { Tidings } from './tidings.js'
import type {
  CancelAnswer,
  Cron,
  DeadFilter,
  DeadJob,
  JobDefinition,
  Jobs,
  JobStatus,
  KeptRun,
  Priority,
  QueueState,
  RedriveFilter,
  SendOptions,
  Sent,
  WatchOptions,
  Worker,
  WorkOptions,
} from './types.js'
import { Upkeep } from './upkeep.js'
import { WakeUps } from './wake-ups.js'
import { JobWorker } from './worker.js'

const priorities: Readonly<Record<Priority, number>> = { high: 0, normal: 1, low: 2 }
const MOST_PER_STATEMENT = 1_000
/** What PostgreSQL's bigint surely holds. */
const idPattern = /^\d{1,18}$/
const noOptions: SendOptions = {}

export interface JobsOptions {
  /** All kinds of jobs that this process sends or runs. */
  jobs: readonly JobDefinition<never>[]
  /** What is sent on a schedule, by whichever instance comes first. */
  crons?: readonly Cron[]
  /** Receives what no caller can be given. Default: warnings and errors as JSON lines on stderr. */
  logger?: Logger
}

/**
 * Makes a process's jobs known to the database, to send them and to run them.
 *
 * @example
 * const jobs = await createJobs(db, { jobs: [mail] })
 * await db.tx(async (tx) => { …; await jobs.send(tx, mail, { to: 'ada@example.com' }) })
 * @throws HF_JOBS_NAME, HF_JOBS_CRON, HF_JOBS_UNKNOWN, HF_JOBS_PAYLOAD_INVALID, HF_CONNECT_…
 */
export async function createJobs(db: Db, { jobs, crons = [], logger = stderrLogger }: JobsOptions): Promise<Jobs> {
  const queues = new Map<string, number>()
  const definitions = jobs as readonly object[] as readonly AnyDefinition[]
  const keeps: { queue: number; keepMs: number }[] = []
  for (const { name, options } of definitions) {
    if (queues.has(name)) throw jobsError('HF_JOBS_NAME', `Two definitions are named ${name}.`)
    const { attempts = jobDefaults.attempts, backoffMs = jobDefaults.backoffMs, perKey = jobDefaults.perKey } = options
    const queue = await store.registerQueue(db, name, attempts, backoffMs, perKey)
    queues.set(name, queue)
    keeps.push({ queue, keepMs: options.keepMs ?? jobDefaults.keepMs })
  }
  if (keeps.length > 0) await setKeeps(db, keeps)
  const known = new ProcessJobs(db, definitions, queues, logger)
  for (const cron of crons) await known.addCron(cron)
  return known
}

class ProcessJobs implements Jobs {
  readonly inspect: JobsInspector
  readonly #db: Db
  readonly #definitions: readonly AnyDefinition[]
  readonly #queues: ReadonlyMap<string, number>
  readonly #logger: Logger
  readonly #counts: Counts
  readonly #sender: Sender<{ body: string }, string>
  readonly #richSender: Sender<store.RichRecord, store.SentRow>
  readonly #wakeUps: WakeUps
  readonly #tidings: Tidings
  readonly #crons: Crons
  readonly #workers = new Set<JobWorker>()
  readonly #marks: KnownMarks = new Map()
  /** What workers do beside their jobs ends a little later than they do. */
  readonly #ending = new Set<Promise<void>>()

  constructor(db: Db, definitions: readonly AnyDefinition[], queues: ReadonlyMap<string, number>, logger: Logger) {
    this.#db = db
    this.#definitions = definitions
    this.#queues = queues
    this.#logger = logger
    this.inspect = makeInspector(db)
    this.#counts = new Counts(db)
    this.#sender = new Sender(async (lane, records) => {
      const tells = this.#wakeUps.takeTurn()
      const ids = await store.sendAlone(db, lane, records.map(({ body }) => body).join(store.RECORD), tells)
      this.#noteSent([lane], ids.length, tells)
      return ids
    })
    this.#richSender = new Sender(async (lane, records) => {
      const rows = await store.sendRich(db, records)
      this.#noteSent([lane], rows.filter(({ is_new: isNew }) => isNew).length)
      return rows
    })
    this.#crons = new Crons(db, (lane) => this.#noteSent([lane], 1))
    this.#wakeUps = new WakeUps(db, logger, () => this.#wakeWorkers())
    this.#tidings = new Tidings(db, logger, (jobIds) => this.#cancelRunning(jobIds))
  }

  async addCron(cron: Cron): Promise<void> {
    const job = cron.job as object as AnyDefinition
    await this.#crons.register(cron, this.#laneOf(job, undefined) >> 2, await encodePayload(job, cron.payload))
  }

  async tick(): Promise<void> {
    await this.#openUpkeep(() => '0').runOnce()
  }

  #openUpkeep(self: () => string): Upkeep {
    const onReady = (lanes: readonly number[]) => this.#wakeUps.tell(lanes)
    const onAsked = (jobIds: readonly string[]) => this.#cancelRunning(jobIds)
    return new Upkeep({ db: this.#db, logger: this.#logger, crons: this.#crons, self, onReady, onAsked })
  }

  async send(...args: unknown[]): Promise<Sent> {
    const [tx, job, payload, options = noOptions] = splitArguments<[AnyDefinition, unknown, SendOptions?]>(args)
    if (options !== noOptions) validateOptions('send', options, sendOptionTable)
    const lane = this.#laneOf(job, options.priority)
    const body = await encodePayload(job, payload)
    const runAt = options.runAt?.getTime() ?? (options.delayMs ? Date.now() + options.delayMs : null)
    const { key = null, uniqueKey: ukey = null } = options
    if (runAt !== null || key !== null || ukey !== null) {
      const record = { lane, at: runAt, key, ukey, body }
      if (tx === undefined) return toSent(await this.#richSender.send(lane, record))
      const [row] = await store.sendRich(tx, [record])
      const sent = toSent(row as store.SentRow)
      if (sent.isNew) this.#noteSentIn(tx, lane, 1)
      return sent
    }
    if (tx === undefined) return { id: await this.#sender.send(lane, { body }), isNew: true }
    const [id] = await store.sendPlain(tx, lane, body, this.#maySendPrepared(tx))
    this.#noteSentIn(tx, lane, 1)
    return { id: id as string, isNew: true }
  }

  async sendMany(...args: unknown[]): Promise<string[]> {
    const [tx, job, payloads] = splitArguments<[AnyDefinition, readonly unknown[]]>(args)
    const lane = this.#laneOf(job, undefined)
    const ids: string[] = []
    for (let from = 0; from < payloads.length; from += MOST_PER_STATEMENT) {
      const part = payloads.slice(from, from + MOST_PER_STATEMENT)
      const bodies = await encodePayloads(job, part)
      ids.push(...(await store.sendPlain(tx ?? this.#db, lane, bodies.join(store.RECORD))))
      this.#noteSentIn(tx, lane, part.length)
    }
    return ids
  }

  /** A transaction of another library may know no names. */
  #maySendPrepared({ seesCommit }: Tx): boolean {
    return seesCommit && this.#db.server.pooler === 'none'
  }

  #laneOf(job: AnyDefinition, priority: Priority = 'normal'): number {
    const queue = this.#queues.get(job.name)
    if (queue === undefined)
      throw jobsError('HF_JOBS_UNKNOWN', `A job ${job.name} was sent; createJobs() was not given it.`)
    return queue * 4 + priorities[priority]
  }

  #noteSentIn(tx: Tx | undefined, lane: number, amount: number): void {
    if (tx === undefined) this.#noteSent([lane], amount)
    // A transaction of another library: nobody tells us of its commit, so workers find the job by polling.
    else if (tx.seesCommit) tx.afterCommit(() => this.#noteSent([lane], amount))
    else this.#counts.add(lane, 'sent', amount)
  }

  #noteSent(lanes: readonly number[], amount: number, isTold = false): void {
    if (amount === 0) return
    for (const lane of lanes) this.#counts.add(lane, 'sent', amount)
    if (isTold) this.#wakeUps.tellOwn()
    else this.#wakeUps.tell(lanes)
  }

  #wakeWorkers(): boolean {
    for (const worker of this.#workers) worker.wake()
    return this.#workers.size > 0
  }

  #cancelRunning(jobIds: readonly string[]): void {
    for (const worker of this.#workers) worker.cancel(jobIds)
  }

  async work(options: WorkOptions = {}): Promise<Worker> {
    validateOptions('work', options, workOptionTable)
    const { concurrency = 20, leaseMs = 15_000, pollMs = 1_000, graceMs = 10_000, signal } = options
    signal?.throwIfAborted()
    const chosen = (options.jobs as readonly object[] as readonly AnyDefinition[] | undefined) ?? this.#definitions
    const definitions = new Map<number, AnyDefinition>()
    for (const definition of chosen)
      for (const priority of ['high', 'normal', 'low'] as const)
        definitions.set(this.#laneOf(definition, priority), definition)
    const stopListening = await this.#wakeUps.listen()
    const stopHearing = await this.#tidings.listen()
    const shared = { db: this.#db, logger: this.#logger }
    const worker: JobWorker = await JobWorker.start({
      ...shared,
      definitions,
      marks: this.#marks,
      concurrency,
      leaseMs,
      pollMs,
      graceMs,
      counts: this.#counts,
      onStopped: () => this.#workers.delete(worker),
      onTold: (jobIds) => this.#tidings.tell(jobIds),
    })
    this.#workers.add(worker)
    const upkeep = this.#openUpkeep(() => worker.id)
    upkeep.start()
    const stop = () => void worker.stop()
    signal?.addEventListener('abort', stop, { once: true })
    // Aborted while it was starting, when nobody listened yet.
    if (signal?.aborted) stop()
    const stopped: Promise<void> = worker.stopped.then(async () => {
      signal?.removeEventListener('abort', stop)
      await Promise.all([upkeep.close(), stopListening?.(), stopHearing()])
      this.#ending.delete(stopped)
    })
    this.#ending.add(stopped)
    return {
      stats: () => worker.stats(),
      stop: async () => {
        await worker.stop()
        await stopped
      },
      stopped,
    }
  }

  async pause(name: string): Promise<void> {
    if ((await store.setPaused(this.#db, name, true)) === undefined) throw describeMissing(name)
  }

  async resume(name: string): Promise<void> {
    const queue = await store.setPaused(this.#db, name, false)
    if (queue === undefined) throw describeMissing(name)
    this.#wakeUps.tell([queue * 4])
  }

  async cancel(id: string): Promise<CancelAnswer> {
    const answer = idPattern.test(id) ? await stopJob(this.#db, id) : null
    if (answer === 'asked') this.#tidings.ask([id])
    if (answer === 'cancelled') this.#tidings.tell([id])
    return answer ?? 'not-found'
  }

  async status(id: string): Promise<JobStatus | undefined> {
    return await findStatus(this.#statusParts, id)
  }

  watch(id: string, options: WatchOptions = {}): AsyncGenerator<JobStatus, void, undefined> {
    validateOptions('watch', options, watchOptionTable)
    return watchJob(this.#statusParts, id, options)
  }

  get #statusParts(): StatusParts {
    return { db: this.#db, inspect: this.inspect, tidings: this.#tidings }
  }

  async result(id: string): Promise<KeptRun | undefined> {
    return await findKept(this.#db, id)
  }

  async findSucceeded(filter: DeadFilter = {}): Promise<KeptRun[]> {
    return (await listSucceeded(this.#db, toQuery(filter, 50))).map(toKeptRun)
  }

  async queues(): Promise<QueueState[]> {
    const rows = await store.listQueues(this.#db)
    return rows.map((row) => ({
      name: row.name,
      isPaused: row.is_paused,
      oldestReadyMs: row.oldest_ms,
      sent: Number(row.sent),
      succeeded: Number(row.succeeded),
      failed: Number(row.failed),
      died: Number(row.died),
    }))
  }

  async findDead(filter: DeadFilter = {}): Promise<DeadJob[]> {
    const rows = await store.listDead(this.#db, toQuery(filter, 50))
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      attempts: row.attempts,
      diedAt: row.died_at,
      uniqueKey: row.unique_key,
      isBlocked: row.is_blocked,
      errors: row.errors,
      payload: row.body,
    }))
  }

  async redrive(which: readonly string[] | RedriveFilter): Promise<number> {
    const filter: RedriveFilter = isList(which) ? { ids: which, limit: Infinity } : which
    validateOptions('redrive', { ...filter, contains: undefined }, redriveOptionTable)
    return await redriveRuns(this.#db, filter, (lanes) => this.#wakeUps.tell(lanes))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers].map(async (worker) => await worker.stop()))
    await Promise.all(this.#ending)
    await Promise.all([this.#wakeUps.close(), this.#tidings.close()])
    await this.#counts.close()
  }
}

function toSent({ id, is_new: isNew }: store.SentRow): Sent {
  return { id: id ?? '', isNew }
}

function isList(which: readonly string[] | RedriveFilter): which is readonly string[] {
  return Array.isArray(which)
}

function describeMissing(name: string) {
  return jobsError('HF_JOBS_NOT_FOUND', `There is no queue named ${name}.`)
}
