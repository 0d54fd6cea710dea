import type { Client, Pool, QueryResult, QueryResultRow } from 'pg'
import type { SqlFragment } from './sql.js'
import type { HistogramView } from './histogram.js'
import type { MigrateOptions } from './migrate.js'
import type { RequestContext, RequestInit } from './context.js'
import type { Pooler } from './pooler.js'

/** Where holdfast reports what it cannot throw. pino, console and most loggers fit. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Settings of the pool that holdfast makes itself; a user's own `pg.Pool` keeps its own. */
export interface PoolOptions {
  /** Most connections held at once. Default: 10. */
  max?: number
  /** An idle connection is closed after this long. 0 keeps it for ever. Default: 30 000 ms. */
  idleMs?: number
  /** Making one connection (TCP, TLS, login) may take this long. Default: 5 000 ms. */
  connectMs?: number
}

export type HostRole = 'primary' | 'standby' | 'any'

/** One history of one cluster: a promotion begins the next timeline, and commits of the one before may be missing in it. */
export interface Epoch {
  /** `pg_control_system()`: the same on a primary and all its standbys. */
  systemIdentifier: string
  timeline: number
}

export interface EpochChange extends Epoch {
  before: Epoch
}

export type NestedPolicy = 'throw' | 'report' | 'off'

export interface ConnectOptions {
  /** `postgres://user@host:port/database`, through a pooler if there is one. Default: `DATABASE_URL`, else the embedded PostgreSQL (development only). */
  url?: string
  /** The same database past any pooler: for LISTEN, migrations and session locks. Default: `url`; `DATABASE_DIRECT_URL` where the url comes from `DATABASE_URL`. */
  directUrl?: string
  /** Servers of one cluster as `host:port`, in order of preference. They replace host and port of `url`. Default: the host of `url`. */
  hosts?: readonly string[]
  /** Which of them may be used: `primary` (writable), `standby` or `any`. Default: `primary` with `hosts`; without `hosts` nothing is checked. */
  role?: HostRole
  /** A `pg.Pool` of yours, or settings for the one holdfast makes. */
  pool?: Pool | PoolOptions
  /** A caller waits this long for a free connection, then gets HF_POOL_TIMEOUT. Default: 5 000 ms. */
  acquireMs?: number
  /** A statement may run this long, then it is cancelled on the server and HF_QUERY_DEADLINE is thrown. 0 sets no limit. Default: 30 000 ms. */
  deadlineMs?: number
  /** A whole transaction may take this long, its callback included. 0 sets no limit. Default: 60 000 ms. */
  txDeadlineMs?: number
  /** A second connection asked for from inside a transaction: `throw`, `report` (once per pair of lines) or `off`. Default: `throw` with NODE_ENV=test, else `report`. */
  nested?: NestedPolicy
  /** This process tells the database at least this often that it lives. 0 turns it off: then no contract migration waits for it. Default: 5 000 ms. */
  heartbeatMs?: number
  /** Shown in `pg_stat_activity`. Default: `holdfast`. */
  applicationName?: string
  /** Receives warnings and errors that no caller can be given. Default: warnings and errors as JSON lines on stderr. */
  logger?: Logger
}

export interface QueryOptions {
  /** Aborting it cancels the statement on the server. */
  signal?: AbortSignal
  /** Replaces the connection's `deadlineMs` for this statement. 0 sets no limit. */
  deadlineMs?: number
  /** Prepares the statement under this name once per connection. Refused through a pooler in transaction mode (HF_POOLER_NAMED_STATEMENT). */
  name?: string
}

export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

export interface TxOptions {
  /** Default: the server's, normally `read committed`. */
  isolation?: Isolation
  /** The body may run again: it has no effect outside the database. Only then are 40001 and 40P01 retried. Default: false. */
  repeatable?: boolean
  /** How often a repeatable body is run again. Default: 5. */
  retries?: number
  /** The whole transaction, retries included. 0 sets no limit. Default: the connection's `txDeadlineMs`. */
  deadlineMs?: number
  /** Aborting it cancels the running statement and rolls back. A COMMIT in flight is never cancelled. */
  signal?: AbortSignal
  /**
   * The server ends it when it stands idle for so long: a process that was stopped holds its locks no longer than that. Sent
   * with BEGIN. Default: the server's, normally no limit.
   */
  idleMs?: number
  readOnly?: boolean
}

/** What both a connection pool and a transaction can do. */
export interface Queryable {
  /** Runs one statement. @throws HF_QUERY_DEADLINE, HF_QUERY_ABORTED, HF_POOL_TIMEOUT, HF_TX_OUTCOME_UNKNOWN, and the driver's error for what the server refuses. */
  query<T extends QueryResultRow = QueryResultRow>(
    text: string,
    params?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<QueryResult<T>>
  /** Runs one statement written as a template; every `${value}` becomes a parameter, never text; fragments made by `sql` nest. */
  sql<T extends QueryResultRow = QueryResultRow>(
    strings: TemplateStringsArray,
    ...values: readonly unknown[]
  ): Promise<T[]>
}

/** One statement of a batch; fragments made by `sql` do as well. */
export interface BatchStatement {
  text: string
  params?: readonly unknown[]
}

declare const txBrand: unique symbol

/**
 * A transaction in progress. Calls that change business state take one first. A `Db` does not satisfy this type,
 * so passing the pool where a transaction is meant (the nested checkout that deadlocks) does not compile.
 */
export interface Tx extends Queryable {
  readonly [txBrand]: true
  /**
   * Sends several statements in one flight before one Sync: one round trip, and one that fails stops the rest. Gives
   * their results in order. A check that must stop what follows has to raise; a statement that matches no row does not.
   */
  batch(statements: readonly (SqlFragment | BatchStatement)[]): Promise<QueryResult[]>
  /**
   * Sends a statement together with COMMIT, in one flight: the last of the transaction, without a round trip of its own.
   * When it raises nothing is committed. It cannot be cancelled, so it must be quick. Of a savepoint that is undone it is
   * not sent. @throws HF_TX_COMMIT_UNSEEN
   */
  beforeCommit(statement: SqlFragment | BatchStatement): void
  /** Does holdfast see the commit? False for a transaction that another library began (`fromKysely` …): no `afterCommit` or `beforeCommit` there. */
  readonly seesCommit: boolean
  /** Runs after the commit, in order of registration; never when the transaction rolls back. What it throws is logged: the commit stands. @throws HF_TX_COMMIT_UNSEEN */
  afterCommit(effect: () => void | Promise<void>): void
  /** A part that may fail alone: a savepoint. */
  savepoint<T>(body: (tx: Tx) => Promise<T>): Promise<T>
}

export interface Notification {
  /** What NOTIFY carried; '' when `missed`. */
  payload: string
  /** True once after the connection was lost and made again: look at the tables, events may have passed unheard. */
  missed: boolean
}

/**
 * How the schema `holdfast` stands to this process, as of its last heartbeat. `missing`: not there, or not readable for
 * this role; `behind`: migrations are pending; `ahead`: a newer release made a change that this one cannot work with.
 */
export type SchemaState = 'missing' | 'behind' | 'ok' | 'ahead'

/** A server as it described itself when we connected. */
export interface ServerInfo {
  /** As `server_version` says, e.g. `18.4`. */
  version: string
  /** 18 for 18.4. */
  major: number
  /** False when this process uses a user's pool whose settings we do not own. */
  ownsPool: boolean
  /** What the pool's connections go through; see docs/poolers.md for what then degrades or is refused. */
  pooler: Pooler
  /** Set when the embedded server is used: the folder that holds its data. */
  embeddedDir?: string
  /** With `hosts` or `role`: where new connections go now, or went last while another host is looked for. */
  host?: string
  /** With `hosts` or `role`: what that host is. */
  role?: 'primary' | 'standby'
  /** With `hosts` or `role`: the history it belongs to. */
  epoch?: Epoch
}

export interface PoolStats {
  max: number
  /** Connections open or being opened. */
  total: number
  idle: number
  busy: number
  /** Callers waiting for a connection now. */
  waiting: number
  /** Callers that gave up waiting, since start. */
  timeouts: number
  /** Deadlocks that were broken, since start. */
  deadlocks: number
  /** Transactions that stood idle for longer than 250 ms, since start. */
  idleTransactions: number
  /** Pairs of lines found to ask for a second connection inside a transaction, since start. */
  nestedCheckouts: number
}

export interface RouteStats {
  count: number
  errors: number
  latency: HistogramView
}

/** Something that the pool guard saw in the running application, each pair of lines once. */
export interface CoreFinding {
  /** Code of the error that describes it, e.g. `HF_POOL_NESTED_CHECKOUT`. */
  code: string
  message: string
  fix: string
  count: number
  /** Milliseconds since the epoch. */
  lastAt: number
}

/** Counters since start; readers keep the previous view and subtract (`latency.since`). */
export interface DbStats {
  pool: PoolStats
  acquire: HistogramView
  query: HistogramView
  queryErrors: number
  transactions: number
  rollbacks: number
  routes: ReadonlyMap<string, RouteStats>
  /** At most 100. */
  findings: readonly CoreFinding[]
}

export interface Db extends Queryable {
  readonly server: ServerInfo
  /** Parts of holdfast that need its tables start nothing new while this is not `ok`. */
  readonly schema: SchemaState
  /** The pool underneath, for libraries that want one. */
  readonly pool: Pool
  /**
   * Runs `body` in one transaction and commits. Throws what the body throws, after ROLLBACK.
   * @throws HF_TX_ABORTED when the server answered COMMIT with ROLLBACK, HF_TX_OUTCOME_UNKNOWN when the connection broke
   * after COMMIT was sent, HF_TX_DEADLINE, HF_POOL_TIMEOUT.
   */
  tx<T>(body: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T>
  /** Hears NOTIFY on a channel, on a direct connection that is made again when it drops. Resolves once LISTEN is in force; call the result to stop. @throws HF_POOLER_LISTEN */
  listen(channel: string, handler: (event: Notification) => void): Promise<() => Promise<void>>
  /**
   * A connection of your own past any pooler, for what lives in a session, such as an advisory lock. Yours to `end()`.
   * @throws HF_CONNECT_…, HF_POOLER_SESSION where it turns out to lead through a pooler in transaction mode
   */
  connectDirect(): Promise<Client>
  /** Runs a request inside its own context (route, id, times) and counts it under `context.route` when it ends. */
  runRequest<T>(init: RequestInit, body: (context: RequestContext) => Promise<T>): Promise<T>
  /** Hears of each request that `runRequest` ran, when it has ended: its context and how long it took. Call the result to stop. @unit ms */
  onRequest(handler: (context: RequestContext, ms: number) => void): () => void
  /**
   * Hears that the database has another history than before (failover): what was remembered from the old one, such as
   * watermarks, leases and caches, may no longer be true. Never called without `hosts` or `role`. Call the result to stop.
   */
  onEpoch(handler: (change: EpochChange) => void): () => void
  stats(): DbStats
  /**
   * Applies what is missing of holdfast's own migrations; does nothing when all are there.
   * @throws HF_MIGRATE_CONTRACT_WAITS, HF_MIGRATE_AHEAD, HF_MIGRATE_LOCKED, HF_MIGRATE_CHANGED, HF_MIGRATE_FAILED
   */
  migrate(options?: MigrateOptions): Promise<{ applied: string[] }>
  /** Ends listeners and pool (a user's own pool stays open). Waits for statements in flight at most `deadlineMs`. Default: 5 000 ms. */
  close(options?: { deadlineMs?: number }): Promise<void>
}
