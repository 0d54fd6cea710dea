import type { StandardSchema, Tx } from '../core/index.js'
import type { JobsInspector, WaitReason } from './inspect-types.js'

/** What is waited for first when workers are short; lower ones still get a share of every 16 claims. */
export type Priority = 'high' | 'normal' | 'low'

/** Where a long job stands, kept in the database: whoever runs it next goes on from there. */
export interface Checkpoint {
  /** What was saved last, by this run or an earlier one of the same job. Undefined: nothing. @throws HF_JOBS_LOST */
  load<T = unknown>(): Promise<T | undefined>
  /**
   * With `tx` it commits with the work done through that; without, at once.
   * @throws HF_JOBS_LOST when the job is no longer this worker's: with `tx`, let it roll back. HF_JOBS_RESULT_…
   */
  save(state: unknown, options?: { tx?: Tx }): Promise<void>
}

/** One run of a job, as its handler sees it. */
export interface Job<Payload> {
  /** The same in every attempt: an idempotency key for what the handler does elsewhere. */
  readonly id: string
  readonly name: string
  readonly payload: Payload
  /** 1 the first time. */
  readonly attempt: number
  readonly sentAt: Date
  /** Aborted when the job's time is over, when somebody cancels it, when its worker lost it, and when a stopping worker waits no longer. */
  readonly signal: AbortSignal
  readonly checkpoint: Checkpoint
  /** Tells those who watch how far it is: written at most twice a second, the last one always. Never fails the job. */
  readonly progress: (done: number, total?: number, note?: string) => void
}

/** A job in a transaction of its own: what `tx` writes and the completion commit together. */
export interface TransactionJob<Payload> extends Job<Payload> {
  readonly tx: Tx
}

export interface RetryOptions {
  /** Runs in all, the first included; then the job is dead. Default: 10. */
  attempts?: number
  /** Pause before the second attempt; each later one is twice as long, plus or minus a quarter. Default: 1 000 ms. */
  backoffMs?: number
  /** The longest pause. Default: 3 600 000 ms (an hour). */
  maxBackoffMs?: number
  /** False sends the job to the dead letters at once. Default: errors whose `retryable` is false are not retried. */
  isRetryable?: (error: unknown) => boolean
}

interface CommonOptions<Input, Payload> extends RetryOptions {
  schema?: StandardSchema<Input, Payload>
  /** A run may take this long. 0 sets no limit. Default: 300 000 ms (5 minutes). */
  timeoutMs?: number
  /** Most bytes of a payload's JSON, and of that of a kept result or a checkpoint. Default: 1 048 576. */
  maxBytes?: number
  /** Jobs with one `key` that may run at once, in all processes together. Default: 1 (exclusive). */
  perKey?: number
  /** A run that has ended is kept for so long, with what its handler returned. 0 keeps nothing. Default: 0 ms, at most a year. */
  keepMs?: number
}

/** Runs at least once: after a crash, again. */
export interface AtLeastOnceOptions<Input, Payload> extends CommonOptions<Input, Payload> {
  mode?: 'at-least-once'
  handler: (job: Job<Payload>) => unknown
}

/** Its writes through `job.tx` happen exactly once. */
export interface TransactionOptions<Input, Payload> extends CommonOptions<Input, Payload> {
  mode: 'transaction'
  handler: (job: TransactionJob<Payload>) => Promise<unknown>
  /** Up to so many jobs share a commit, one after the other, a savepoint each. Default: 1, at most 60. */
  sharedCommits?: number
}

/** Gets many jobs at once; when it throws, each of them counts as failed. */
export interface BatchOptions<Input, Payload> extends CommonOptions<Input, Payload> {
  mode: 'batch'
  /** With `keepMs`, an array as long as `jobs` holds their results, in order. */
  handler: (jobs: readonly Job<Payload>[], signal: AbortSignal) => unknown
  /** Most jobs in one call. Default: 100. */
  batchSize?: number
}

export type JobOptions<Input, Payload> =
  AtLeastOnceOptions<Input, Payload> | TransactionOptions<Input, Payload> | BatchOptions<Input, Payload>

declare const sends: unique symbol

/** Made by `defineJob`; `Input` is what may be sent. */
export interface JobDefinition<Input> {
  readonly name: string
  readonly options: object
  readonly [sends]?: (input: Input) => void
}

/** Sends a job on a schedule: once per tick, whatever the number of instances. */
export interface Cron {
  /** Unique; the schedule is kept under it. */
  name: string
  /** Five fields of cron (minute, hour, day of month, month, day of week), or `@daily` and the like. */
  schedule: string
  /** An IANA time zone. Default: `UTC`. */
  timeZone?: string
  job: JobDefinition<never>
  payload: unknown
  /** After a time without any worker: `once` fires once for all missed ticks, `skip` waits for the next one. Default: `once`. */
  missed?: 'once' | 'skip'
}

export interface SendOptions {
  /** Not before this long from now. Default: 0 ms. */
  delayMs?: number
  /** Not before this moment. */
  runAt?: Date
  /** Default: `normal`. */
  priority?: Priority
  /** Of the jobs of this name with this key no more run at once than the definition's `perKey`; the others wait their turn. */
  key?: string
  /** While a job of this name with this key waits or runs, another one is not sent. */
  uniqueKey?: string
}

export interface Sent {
  /** With `isNew: false` the id of the job that has the unique key; '' when it was being sent by somebody else at that moment. */
  id: string
  isNew: boolean
}

export interface WorkOptions {
  /** Jobs run at once in this worker. Default: 20. */
  concurrency?: number
  /** Only these. Default: all that were given to createJobs. */
  jobs?: readonly JobDefinition<never>[]
  /** A worker that did not renew itself for so long has lost its jobs. Default: 15 000 ms. */
  leaseMs?: number
  /** Looks for jobs at least this often; a notification makes it look at once. Default: 1 000 ms. */
  pollMs?: number
  /** stop() lets running handlers go on for so long, then aborts their signal and hands the jobs back. Default: 10 000 ms. */
  graceMs?: number
  /** Aborting it stops the worker. */
  signal?: AbortSignal
}

export interface WorkerStats {
  running: number
  /** Claimed and not started. */
  buffered: number
  succeeded: number
  failed: number
  lost: number
}

export interface Worker {
  stats(): WorkerStats
  /** Hands unstarted jobs back at once, waits for running ones, and resolves when nothing of it is left. */
  stop(): Promise<void>
  /** Resolves when it has stopped, for whatever reason. */
  readonly stopped: Promise<void>
}

export interface QueueState {
  name: string
  isPaused: boolean
  /** Age of the oldest job that could run now; null when none waits. @unit ms */
  oldestReadyMs: number | null
  /** Since the counters began (kept per minute, for a week). */
  sent: number
  succeeded: number
  failed: number
  died: number
}

export interface DeadJob {
  id: string
  name: string
  attempts: number
  diedAt: Date
  uniqueKey: string | null
  /** A job with its unique key waits or runs: until that has ended, `redrive` leaves this one dead. */
  isBlocked: boolean
  errors: { attempt: number; at: string; name: string; message: string }[]
  payload: unknown
}

export interface DeadFilter {
  /** Jobs of this name. */
  name?: string
  /** Only these. */
  ids?: readonly string[]
  /** Payloads that contain this JSON (jsonb's `@>`). */
  contains?: unknown
  /** The next page: ids after this one. */
  after?: string
  /** Default: 50. */
  limit?: number
}

/** Which runs are sent again. */
export interface RedriveFilter extends DeadFilter {
  /** `succeeded`: kept runs that succeeded, wrongly; each is sent anew, once, as a run of its own. Default: `dead`. */
  from?: 'dead' | 'succeeded'
  /** At most so many in a second. Default: as fast as it goes. */
  perSecond?: number
  /** Ends it between two statements; what was sent stays sent. */
  signal?: AbortSignal
}

export interface Progress {
  done: number
  total: number | null
  note: string | null
}

/** A run that has ended, kept for `keepMs`. */
export interface KeptRun {
  id: string
  name: string
  outcome: 'succeeded' | 'dead' | 'cancelled'
  attempts: number
  sentAt: Date
  finishedAt: Date
  /** Deleted from then on. */
  expiresAt: Date
  key: string | null
  uniqueKey: string | null
  /** A job with its unique key waits or runs: until that has ended, `redrive` leaves this one where it is. */
  isBlocked: boolean
  errors: { attempt: number; at: string; name: string; message: string }[]
  /** What it reported last. */
  progress: Progress | null
  payload: unknown
  /** What the handler returned; null when that was nothing. */
  result: unknown
  /** The run that it was sent again as. */
  redrivenAs: string | null
}

export type JobState = 'waiting' | 'running' | 'retrying' | 'succeeded' | 'dead' | 'cancelled'

export interface JobStatus {
  id: string
  name: string
  /** `retrying`: an attempt failed, and the next one comes. */
  state: JobState
  /** Somebody wants it to end, and it still runs. */
  isCancelling: boolean
  /** The attempt that runs or comes next; of a job that has ended, how many there were. */
  attempt: number
  sentAt: Date | null
  progress: Progress | null
  /** Waiting: why, the strongest reason first. */
  waits: WaitReason[]
  /** Of the last attempt that failed. */
  error: { name: string; message: string } | null
  finishedAt: Date | null
  /** Kept until then; null: not kept, or not ended. */
  expiresAt: Date | null
  /** Succeeded: what the handler returned. */
  result: unknown
}

export interface WatchOptions {
  /** Aborting it ends the watch: it throws the signal's reason. */
  signal?: AbortSignal
  /** Looks at least this often; a notification makes it look at once. Default: 1 000 ms. */
  pollMs?: number
  /** For so long at most. 0 sets no limit. Default: 3 600 000 ms (an hour). */
  deadlineMs?: number
}

/** `asked`: it was running, and its worker has been told; whether it ended in time, `status` says. */
export type CancelAnswer = 'cancelled' | 'asked' | 'not-found'

export interface Jobs {
  /** Sends a job: inside `tx`, so that it exists exactly if that commits; or on its own. */
  send<Input>(tx: Tx, job: JobDefinition<Input>, payload: NoInfer<Input>, options?: SendOptions): Promise<Sent>
  send<Input>(job: JobDefinition<Input>, payload: NoInfer<Input>, options?: SendOptions): Promise<Sent>
  /** Many jobs of one kind in one statement; gives their ids in order. */
  sendMany<Input>(tx: Tx, job: JobDefinition<Input>, payloads: readonly NoInfer<Input>[]): Promise<string[]>
  sendMany<Input>(job: JobDefinition<Input>, payloads: readonly NoInfer<Input>[]): Promise<string[]>
  work(options?: WorkOptions): Promise<Worker>
  /** No worker claims jobs of this name until `resume`; running ones go on. @throws HF_JOBS_NOT_FOUND */
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>
  /**
   * Takes out a job that waits, ready or delayed: `cancelled`. Asks one that runs to end, by its signal: `asked`. When
   * its handler then throws it ends as cancelled, without another attempt; one that ends well has succeeded all the same.
   */
  cancel(id: string): Promise<CancelAnswer>
  /** How a job stands. Undefined: it was never sent, or it has ended and is not kept. */
  status(id: string): Promise<JobStatus | undefined>
  /**
   * Its status now and after each change, until it has ended; of a job that is not kept the last one is the last that
   * was seen. @throws HF_JOBS_WATCH_DEADLINE, and the reason of `signal`
   */
  watch(id: string, options?: WatchOptions): AsyncGenerator<JobStatus, void, undefined>
  /** A run that has ended and is kept. Undefined: there is none. */
  result(id: string): Promise<KeptRun | undefined>
  /** Runs that succeeded, are kept, and were not sent again yet, oldest first: those that `redrive({ from: 'succeeded' })` looks at. */
  findSucceeded(filter?: DeadFilter): Promise<KeptRun[]>
  queues(): Promise<QueueState[]>
  /** What the dashboard shows: workers, the last hour, dead letters by page, where one job is and why it waits. */
  readonly inspect: JobsInspector
  /** Dead letters, oldest first. */
  findDead(filter?: DeadFilter): Promise<DeadJob[]>
  /** Sends dead letters, or runs that succeeded, again with all their attempts: those of the ids given, or up to `limit` (default 1 000) of a filter. Gives how many. */
  redrive(which: readonly string[] | RedriveFilter): Promise<number>
  /** Does once what workers do beside their jobs: sends due crons, readies delayed jobs, hands on those of dead workers. For hosts that scale to zero, behind a route of yours. */
  tick(): Promise<void>
  /** Sends what waits in this process, and its counters. */
  close(): Promise<void>
}
