// The JSON that the dashboard and the CLI read. Types only: both sides import it, nothing here runs.

export type * from './contract-clashes.js'
export type * from './contract-latency.js'
export type * from './contract-plans.js'

/** A percentile triple over the last ten seconds. @unit ms */
export interface Percentiles {
  p50: number
  p95: number
  p99: number
}

export interface RouteRow extends Percentiles {
  /** The pattern, never a raw path. */
  route: string
  /** Requests in the last ten seconds. */
  recent: number
  /** Requests per second over the last ten seconds. */
  perSecond: number
  /** Share of responses with status 500 and above over the last ten seconds, 0 to 1. */
  errorShare: number
  /** P95 over the minute before the last ten seconds; null when it had fewer than 20 requests. @unit ms */
  p95Before: number | null
  /** Requests since this process started. */
  total: number
}

/** One second of this process. */
export interface Second extends Percentiles {
  /** Milliseconds since the epoch, at the end of the second. */
  at: number
  /** How long it really took: more than 1,000 when the event loop was blocked, so divide counts by it. @unit ms */
  spanMs: number
  requests: number
  errors: number
  /** Event loop delay: how late a timer ran. @unit ms */
  loopP50: number
  loopP99: number
  loopMax: number
  /** Share of the second in which the event loop worked. */
  utilisation: number
  /** What a call of a file waited for a thread of libuv, the longest of the second, beyond the loop's delay. @unit ms */
  threadpoolWaitMs: number
  /** Waiting for a connection. @unit ms */
  acquireP95: number
  /** Connections in use and callers waiting, highest seen in the second. */
  poolBusy: number
  poolWaiting: number
  /** Callers that gave up waiting for a connection. */
  poolTimeouts: number
  /** Statements finished. */
  queries: number
  queryP95: number
}

export type Severity = 'ok' | 'watch' | 'act'

/** The answer to "is anything wrong?". */
export interface Verdict {
  severity: Severity
  /** One plain sentence with its numbers. */
  sentence: string
  /** What to do about it; absent when all is well. */
  fix?: string
  /** Other signs seen at the same time, most urgent first. */
  also: string[]
}

export interface Instance {
  holdfast: string
  node: string
  postgres: string
  pid: number
  host: string
  startedAt: number
  poolMax: number
}

/** `GET /_holdfast/api/now`, and each message of `GET /_holdfast/api/live`. */
export interface NowDocument {
  /** Which process answers; the figures are this process's own. */
  instance: Instance
  verdict: Verdict
  /** Oldest first, at most 120. A live message carries those since the last one the client has, normally one. */
  seconds: Second[]
  /** All routes together over the last ten seconds. */
  overall: RouteRow
  /** Busiest first. */
  routes: RouteRow[]
  /** Routes beyond the limit are counted together under `(overflow)`. */
  routesOverflowed: boolean
  pool: { max: number; total: number; busy: number; idle: number; waiting: number; timeouts: number }
}

export interface PageEntry {
  name: string
  title: string
  /** Relative to the dashboard's base, because a proxy may add a prefix that this process never sees. */
  path: string
}

/** `GET /_holdfast/api/pages`: only pages that exist. */
export interface PagesDocument {
  pages: PageEntry[]
  /** The caller came with a login cookie, so there is something to log out of. */
  hasSession: boolean
}

/** A queue on the page Jobs; totals are of all processes together. */
export interface JobQueueRow {
  name: string
  isPaused: boolean
  /** Age of the oldest job that could run now; null when none waits. @unit ms */
  oldestReadyMs: number | null
  /** Since the counters began (kept for a week). */
  sent: number
  succeeded: number
  failed: number
  died: number
  /** The last 60 minutes, oldest first, the current one last. */
  minutes: { sent: number[]; succeeded: number[]; failed: number[]; died: number[] }
}

export interface JobWorkerRow {
  id: string
  instance: string
  /** Since it began, by the database's clock: another one may be wrong by more than a lease. @unit ms */
  upMs: number
  /** Since it last renewed itself. @unit ms */
  seenMs: number
  isAlive: boolean
}

/** A job that runs and reports its progress. */
export interface RunningJobRow {
  id: string
  name: string
  attempt: number
  instance: string
  /** Since its worker claimed it. @unit ms */
  runningMs: number
  /** Since it reported last. @unit ms */
  reportedMs: number
  done: number
  /** Null: how much there is to do is not known. */
  total: number | null
  note: string | null
  isCancelling: boolean
}

export interface CronRow {
  name: string
  job: string
  schedule: string
  timeZone: string
  /** Milliseconds since the epoch. */
  nextAt: number
  /** Until then; below 0 it is due. @unit ms */
  nextMs: number
  firedAt: number | null
}

/** `GET /_holdfast/api/jobs`. */
export interface JobsDocument {
  /** False: createHttp was given no jobs; the verdict says how, the lists are empty. */
  isConnected: boolean
  verdict: Verdict
  queues: JobQueueRow[]
  workers: JobWorkerRow[]
  /** The 100 that reported last. */
  running: RunningJobRow[]
  /** The next to fire first. */
  crons: CronRow[]
}

export interface DeadJobRow {
  id: string
  name: string
  attempts: number
  /** Milliseconds since the epoch. */
  diedAt: number
  /** Of its last attempt. */
  error: { name: string; message: string } | null
}

/** `GET /_holdfast/api/jobs/dead?queue=&contains=&after=`: newest first, never with payloads. */
export interface DeadJobsDocument {
  dead: DeadJobRow[]
  /** What `after` must be for the next page; null: this was the last. */
  next: string | null
}

/** `GET /_holdfast/api/jobs/preview?queue=&contains=`: how many dead letters a redrive of this filter would find. */
export interface DeadCountDocument {
  /** Exact, unless there are more. */
  count: number
  /** More than `count`; one redrive takes `count` of them, the oldest. */
  isMore: boolean
}

/** `GET /_holdfast/api/jobs/job?id=`, with `&payload=1` its payload too. */
export interface JobLifeDocument {
  id: string
  place: 'ready' | 'running' | 'delayed' | 'retry' | 'dead' | 'unknown'
  /** Where it is, in one sentence. */
  sentence: string
  /** Why it does not run now, the strongest reason first. */
  waits: { code: string; sentence: string }[]
  name: string | null
  priority: 'high' | 'normal' | 'low' | null
  attempt: number | null
  attempts: number | null
  /** Milliseconds since the epoch. */
  sentAt: number | null
  runAt: number | null
  diedAt: number | null
  uniqueKey: string | null
  worker: { id: string; instance: string; since: number } | null
  errors: { attempt: number; at: string; name: string; message: string }[]
  payload?: { text: string; isCut: boolean }
}

/** What `POST /_holdfast/api/jobs/redrive` answers. */
export interface RedriveDocument {
  redriven: number
}

/** What `POST /_holdfast/api/jobs/cancel` answers. */
export interface CancelDocument {
  /** `asked`: it runs, and its worker was told. */
  answer: 'cancelled' | 'asked' | 'not-found'
}

/** Nothing on the page Locks is counted further than 1,000. */
export interface LockAmount {
  count: number
  /** There are more than `count`. */
  isMore: boolean
}

export interface LockHolderRow {
  /** Null: the database does not know its process any more. */
  owner: string | null
  label: string | null
  mode: 'exclusive' | 'shared'
  fence: string
  /** @unit ms */
  heldMs: number
  /** Below 0 the lease has lapsed. @unit ms */
  leaseLeftMs: number | null
  isLapsed: boolean
}

export interface LockWaiterRow {
  owner: string | null
  label: string | null
  mode: 'exclusive' | 'shared'
  /** @unit ms */
  waitedMs: number
  /** Keys that it asks for together. */
  keys: number
  /** Its process has died: it holds up nobody. */
  isLapsed: boolean
}

export interface LockKeyRow {
  key: string
  /** One of them: whose lease has lapsed, else the first. Null: its first waiter waits for other keys too. */
  holder: LockHolderRow | null
  holders: LockAmount
  waiting: LockAmount
  /** @unit ms */
  longestWaitMs: number | null
}

export interface LockCircleMember {
  owner: string | null
  label: string | null
  wants: string[]
  holds: string[]
}

/** A session of PostgreSQL that waits for a lock, or makes others wait. */
export interface BlockedSessionRow {
  /** 0: a prepared transaction. */
  pid: number
  application: string
  /** Null: the role of this process may not see it. */
  state: string | null
  /** @unit ms */
  stateMs: number | null
  transactionMs: number | null
  /** Null: it does not wait. @unit ms */
  waitedMs: number | null
  lock: { type: string; mode: string; relation: string | null } | null
  blockedBy: number[]
  /** How many wait behind it, directly or not. */
  blocks: number
  /** @unit ms */
  longestBlockedMs: number
  /** In the tree; 0: nobody is in its way. */
  depth: number
  /** Every literal is a `?`, cut after 120 characters. */
  query: string | null
}

/** `GET /_holdfast/api/locks`, with `?key=` the first holders and waiters of that key too. */
export interface LocksDocument {
  /** False: the tables of locks cannot be read; the verdict says why, and only `sessions` are shown. */
  isConnected: boolean
  verdict: Verdict
  /** Keys that are held. */
  held: LockAmount
  /** Requests that wait. */
  waiting: LockAmount
  /** Only the oldest and the newest requests were looked at. */
  isPartial: boolean
  /** The most contended first, at most 50. */
  keys: LockKeyRow[]
  /** The first 20 of each, in their order; null: no key was asked for, or nobody holds it or waits for it. */
  opened: { key: string; holders: LockHolderRow[]; waiters: LockWaiterRow[] } | null
  /** Each waits for the next one, the last for the first. */
  circles: LockCircleMember[][]
  /** Sessions that wait. */
  blocked: LockAmount
  /** A tree, at most 50: each is followed by those who wait for it. */
  sessions: BlockedSessionRow[]
}

/** Nothing on the page Sagas is counted further than 1,000. */
export type SagaAmount = LockAmount

/** Of an error its name or code, and its message. */
export interface SagaErrorRow {
  name: string
  message: string
  /** The step that it came from. */
  step?: string
}

export interface SagaKindRow {
  name: string
  version: number
  /** Live processes that have its code. */
  workers: number
  running: SagaAmount
  /** Could go on, and nobody has taken them. */
  due: SagaAmount
  /** Due later. */
  parked: SagaAmount
  stuck: SagaAmount
  /** In the hands of processes that are gone. */
  orphaned: SagaAmount
  /** @unit ms */
  oldestDueMs: number | null
}

export interface SagaWorkerRow {
  id: string
  instance: string
  isAlive: boolean
  /** @unit ms */
  upMs: number
  seenMs: number
  sagas: SagaAmount
}

export type SagaStateName = 'running' | 'waiting' | 'compensating' | 'done' | 'compensated' | 'stuck'

export interface SagaRow {
  id: string
  name: string
  version: number
  state: SagaStateName
  isUndoing: boolean
  isPivoted: boolean
  isCancelling: boolean
  error: SagaErrorRow | null
  /** Steps that have begun and not ended; milliseconds since the epoch. */
  doing: { name: string; kind: string; until: number | null }[]
  /** Milliseconds since the epoch. */
  startedAt: number
  endsBy: number
  finishedAt: number | null
  /** The process that has it. */
  owner: string | null
  /** Since it could go on; below 0 until then. @unit ms */
  dueMs: number | null
  /** The undo that has failed last. */
  failing: { step: string; attempts: number; error: SagaErrorRow | null } | null
}

/** `failing`: stuck, then compensating, then overdue. */
export type SagaListing = SagaStateName | 'failing' | 'overdue'

/** `GET /_holdfast/api/sagas?state=&name=`. */
export interface SagasDocument {
  /** False: the tables of sagas cannot be read; the verdict says why, the lists are empty. */
  isConnected: boolean
  verdict: Verdict
  kinds: SagaKindRow[]
  workers: SagaWorkerRow[]
  /** Of the state that was asked for, at most 50. */
  sagas: SagaRow[]
  /** There are more than `sagas`. */
  isMore: boolean
}

export interface SagaStepRow {
  seq: number
  name: string
  kind: string
  /** Null: it has begun and not ended. */
  outcome: 'done' | 'failed' | 'refused' | 'unknown' | null
  attempts: number
  /** Milliseconds since the epoch. */
  startedAt: number
  endedAt: number | null
  until: number | null
  output: SagaPayload | null
  error: SagaErrorRow | null
  undo: {
    state: 'done' | 'skipped' | 'failing'
    attempts: number
    at: number | null
    error: SagaErrorRow | null
  } | null
  /** Its saga is being undone, and has not come to it. */
  isToUndo: boolean
}

/** JSON, cut after 2,000 characters. */
export interface SagaPayload {
  text: string
  isCut: boolean
}

/** `GET /_holdfast/api/sagas/saga?id=`, with `&payload=1` inputs and outputs too. */
export interface SagaDocument extends SagaRow {
  /** Where it stands and what it waits for. */
  sentence: string
  hasCode: boolean
  /** The database's clock. */
  nowAt: number
  /** Inputs and outputs were asked for. */
  hasPayloads: boolean
  input: SagaPayload | null
  output: SagaPayload | null
  /** The last 500, in the order of their start. */
  steps: SagaStepRow[]
  actions: { action: string; step: string | null; reason: string | null; actor: string | null; at: number }[]
  signals: { event: string; sentAt: number; fate: 'waiting' | 'taken' | 'set-aside' }[]
}

/** What `POST /_holdfast/api/sagas/cancel`, `/retry` and `/skip` answer. */
export interface SagaActionDocument {
  /** False: it had ended, or was not stuck. */
  isDone: boolean
}
