import type { Client, Pool, PoolClient, QueryResult, QueryResultRow } from 'pg'
import { captureCallSite, type CallSite } from './call-site.js'
import { queryOptionTable, txOptionTable } from './connect-options.js'
import { currentHeld, currentRequest, currentScope, type RequestContext, type RequestInit } from './context.js'
import { Deadlines } from './deadlines.js'
import { coreError } from './error-table.js'
import { Histogram } from './histogram.js'
import type { HeldClient, NestedWait } from './holders.js'
import type { HostRouter } from './host-router.js'
import { Instance } from './instance.js'
import { Listener } from './listener.js'
import { migrateSchema, type MigrateOptions } from './migrate.js'
import type { Release } from './migration-states.js'
import { NestedCheckouts } from './nested-checkouts.js'
import { validateOptions } from './options.js'
import { watchOutbound } from './outbound.js'
import type { PoolGuard } from './pool-guard.js'
import { describeNamedStatement } from './pooler.js'
import { RouteBook } from './route-book.js'
import { runInRequest } from './run-request.js'
import { buildStatement } from './sql.js'
import { isRepeatable } from './sqlstate.js'
import { noLead, RunningStatement } from './statement.js'
import { Transaction, type Effect } from './transaction.js'
import type {
  Db,
  DbStats,
  EpochChange,
  Logger,
  NestedPolicy,
  Notification,
  QueryOptions,
  SchemaState,
  ServerInfo,
  Tx,
  TxOptions,
} from './types.js'

export interface DatabaseParts {
  guard: PoolGuard
  /** Only with several hosts, or a role. */
  router: HostRouter | undefined
  server: ServerInfo
  /** A connection string that bypasses poolers, for LISTEN and migrations. */
  directUrl: string | undefined
  acquireMs: number
  deadlineMs: number
  txDeadlineMs: number
  nested: NestedPolicy
  logger: Logger
  heartbeatMs: number
  release: Release
  isTool: boolean
  closePool: () => Promise<void>
}

interface TransactionJob<T> {
  body: (tx: Tx) => Promise<T>
  options: TxOptions
  site: CallSite
  /** The transaction in whose callback it was asked for, and that wait for a second client. */
  outer: HeldClient | undefined
  nested: NestedWait | undefined
}

/** close() waits this long at most for its own row to be taken out. */
const RETIRE_MS = 1_000

const noOptions: QueryOptions = {}
const noTxOptions: TxOptions = {}

export class Database implements Db {
  readonly #parts: DatabaseParts
  readonly #guard: PoolGuard
  readonly #queries = new Histogram()
  readonly #routes = new RouteBook()
  readonly #deadlines = new Deadlines()
  readonly #listener: Listener
  readonly #instance: Instance
  readonly #nested: NestedCheckouts
  readonly #unwatchOutbound: () => void
  readonly #requestHandlers = new Set<(context: RequestContext, ms: number) => void>()
  #queryErrors = 0
  #closing: Promise<void> | undefined
  #transactions = 0
  #rollbacks = 0

  constructor(parts: DatabaseParts) {
    this.#parts = parts
    this.#guard = parts.guard
    this.#nested = new NestedCheckouts(parts.guard.holders, parts.nested, parts.logger)
    this.#unwatchOutbound = watchOutbound(parts.guard.holders)
    parts.guard.holders.onDeadlock = (error) => this.#nested.recordDeadlock(error)
    parts.guard.holders.watchIdle((held, idleMs) => this.#nested.reportIdle(held, idleMs))
    this.#listener = new Listener(parts.directUrl, parts.guard.pool, parts.logger)
    this.#instance = new Instance(parts)
  }

  get schema(): SchemaState {
    return this.#instance.schema
  }

  /** Makes this process known; closes everything when the database has moved past it. @throws HF_MIGRATE_AHEAD */
  async announce(): Promise<void> {
    try {
      await this.#instance.start()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  get server(): ServerInfo {
    const { server, router } = this.#parts
    return router ? { ...server, ...router.describe() } : server
  }

  get pool(): Pool {
    return this.#guard.pool
  }

  query<T extends QueryResultRow>(
    text: string,
    params?: readonly unknown[],
    options: QueryOptions = noOptions,
  ): Promise<QueryResult<T>> {
    const scope = currentScope()
    const request = scope?.request
    const held = this.#nested.findHeld(scope?.held)
    if (held === undefined) return this.#query(text, params, options, request) as Promise<QueryResult<T>>
    const call = (wait: NestedWait) => this.#query(text, params, options, request, wait) as Promise<QueryResult<T>>
    return this.#nested.watch(held, call)
  }

  sql<T extends QueryResultRow>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<T[]> {
    const held = this.#nested.findHeld(currentHeld())
    if (held === undefined) return this.#sql(strings, values)
    return this.#nested.watch(held, (wait) => this.#sql(strings, values, wait))
  }

  async #sql<T extends QueryResultRow>(
    strings: TemplateStringsArray,
    values: readonly unknown[],
    nested?: NestedWait,
  ): Promise<T[]> {
    const statement = buildStatement(strings, values)
    return (await this.#query(statement.text, statement.values, noOptions, currentRequest(), nested)).rows as T[]
  }

  #query(
    text: string,
    params: readonly unknown[] | undefined,
    options: QueryOptions,
    request: RequestContext | undefined,
    nested?: NestedWait,
  ): Promise<QueryResult> {
    try {
      if (options !== noOptions) validateOptions('query', options, queryOptionTable)
      return this.#queryOnce(text, params, options, request, nested)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #queryOnce(
    text: string,
    values: readonly unknown[] | undefined,
    options: QueryOptions,
    request: RequestContext | undefined,
    nested: NestedWait | undefined,
  ): Promise<QueryResult> {
    const { deadlineMs = this.#parts.deadlineMs, signal, name } = options
    if (name !== undefined && this.server.pooler === 'transaction') return Promise.reject(describeNamedStatement(name))
    const asked = performance.now()
    // One record for the wait and the statement: what is allocated here is allocated for every query.
    const waitMs = this.#parts.acquireMs
    const call = {
      text,
      values,
      name,
      deadlineMs,
      startedAt: asked,
      signal,
      lead: noLead,
      inTransaction: false,
      waitMs,
      nested,
    }
    return new Promise((resolve) => {
      this.#guard.acquire(call, (refusal, client, waitedMs = 0) => {
        if (!client) return resolve(leadToCaller(refusal))
        const startedAt = (call.startedAt = asked + waitedMs)
        const running = new RunningStatement(client, call, this.#deadlines, (error, result) => {
          if (error !== undefined) this.#guard.inspectFailure(client, error)
          this.#guard.release(client)
          this.#observe(request, waitedMs, performance.now() - startedAt, error !== undefined)
          if (error === undefined) resolve(result as QueryResult)
          else resolve(leadToCaller(error))
        })
        running.run()
      })
    })
  }

  #observe(request: RequestContext | undefined, poolMs: number, sqlMs: number, failed: boolean): void {
    this.#queries.record(sqlMs)
    if (failed) this.#queryErrors++
    if (request === undefined) return
    request.queries++
    request.poolMs += poolMs
    request.sqlMs += sqlMs
  }

  tx<T>(body: (tx: Tx) => Promise<T>, options: TxOptions = noTxOptions): Promise<T> {
    const site = captureCallSite()
    const held = this.#nested.findHeld(currentHeld())
    if (held === undefined) return this.#repeatTransaction({ body, options, site, outer: undefined, nested: undefined })
    const call = (nested: NestedWait) => this.#repeatTransaction({ body, options, site, outer: held, nested })
    return this.#nested.watch(held, call)
  }

  async #repeatTransaction<T>(job: TransactionJob<T>): Promise<T> {
    const { options } = job
    if (options !== noTxOptions) validateOptions('tx', options, txOptionTable)
    const { deadlineMs = this.#parts.txDeadlineMs, repeatable = false, retries = 5 } = options
    const endsAt = deadlineMs === 0 ? Infinity : performance.now() + deadlineMs
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#runTransaction(job, endsAt)
      } catch (error) {
        if (!repeatable || attempt >= retries || !isRepeatable(error) || performance.now() >= endsAt) throw error
        await waitBeforeRetry(attempt, options.signal)
      }
    }
  }

  async #runTransaction<T>({ body, options, site, outer, nested }: TransactionJob<T>, endsAt: number): Promise<T> {
    const { signal } = options
    const client = await this.#acquire(signal, nested)
    const held = this.#guard.holders.hold(site, outer)
    const request = currentRequest()
    const transaction = new Transaction(
      {
        client,
        held,
        deadlines: this.#deadlines,
        pooler: this.server.pooler,
        endsAt,
        deadlineMs: this.#parts.deadlineMs,
        observe: (ms, failed) => this.#observe(request, 0, ms, failed),
      },
      options,
    )
    const disarm = this.#armStops(transaction, endsAt, signal)
    let result: T
    try {
      result = await transaction.runBody(body)
      await transaction.commit()
      this.#transactions++
    } catch (error) {
      this.#rollbacks++
      if (!options.readOnly) this.#guard.inspectFailure(client, error)
      await transaction.rollback()
      throw error
    } finally {
      disarm()
      this.#guard.holders.drop(held)
      this.#guard.release(client)
    }
    if (transaction.effects.length > 0) await this.#runEffects(transaction.effects)
    return result
  }

  /** Ends a transaction at its deadline or when its signal is aborted. */
  #armStops(transaction: Transaction, endsAt: number, signal: AbortSignal | undefined): () => void {
    const now = performance.now()
    const expirable = { expire: () => transaction.stop('deadline', describeDeadline()) }
    const deadline = this.#deadlines.arm(Math.max(1, endsAt - now), now, expirable)
    if (signal === undefined) return () => this.#deadlines.disarm(deadline)
    const onAbort = () => transaction.stop('abort', describeAbort(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    return () => {
      this.#deadlines.disarm(deadline)
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #acquire(signal: AbortSignal | undefined, nested: NestedWait | undefined): Promise<PoolClient> {
    const asked = performance.now()
    const client = await new Promise<PoolClient>((resolve, reject) =>
      this.#guard.acquire({ waitMs: this.#parts.acquireMs, signal, nested }, (error, acquired) =>
        acquired ? resolve(acquired) : reject(error),
      ),
    )
    const request = currentRequest()
    if (request) request.poolMs += performance.now() - asked
    return client
  }

  /** In order, each awaited. A failing one is logged and the next runs: the commit stands and must be answered as such. */
  async #runEffects(effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) {
      try {
        await effect()
      } catch (error) {
        this.#parts.logger.error({ err: error }, 'An afterCommit effect failed; the transaction is committed.')
      }
    }
  }

  async listen(channel: string, handler: (event: Notification) => void): Promise<() => Promise<void>> {
    return await this.#listener.listen(channel, handler)
  }

  async connectDirect(): Promise<Client> {
    return await this.#listener.connectDirect()
  }

  onEpoch(handler: (change: EpochChange) => void): () => void {
    return this.#parts.router?.onEpoch(handler) ?? (() => {})
  }

  onRequest(handler: (context: RequestContext, ms: number) => void): () => void {
    this.#requestHandlers.add(handler)
    return () => void this.#requestHandlers.delete(handler)
  }

  runRequest<T>(init: RequestInit, body: (context: RequestContext) => Promise<T>): Promise<T> {
    return runInRequest(init, body, (context, ms) => {
      this.#routes.record(context.route, ms, context.status >= 500)
      for (const hear of this.#requestHandlers) hear(context, ms)
    })
  }

  stats(): DbStats {
    return {
      pool: { ...this.#guard.stats(), nestedCheckouts: this.#nested.count },
      findings: this.#nested.findings,
      acquire: this.#guard.acquired.snapshot(),
      query: this.#queries.snapshot(),
      queryErrors: this.#queryErrors,
      transactions: this.#transactions,
      rollbacks: this.#rollbacks,
      routes: this.#routes.snapshot(),
    }
  }

  async migrate(options: MigrateOptions = {}): Promise<{ applied: string[] }> {
    const outcome = await migrateSchema(this.#parts.directUrl, this.pool, options, this.#parts.release)
    await this.#instance.refresh()
    return outcome
  }

  async close({ deadlineMs = 5_000 }: { deadlineMs?: number } = {}): Promise<void> {
    await (this.#closing ??= this.#closeOnce(deadlineMs))
  }

  async #closeOnce(deadlineMs: number): Promise<void> {
    // Taking the row out is a courtesy: without a host to tell it to, the pool would otherwise be closed only after it.
    const retired = waitAtMost(this.#instance.close(), Math.min(RETIRE_MS, deadlineMs / 2))
    this.#guard.refuseNew()
    const closing = Promise.all([this.#listener.close(), retired.then(() => this.#parts.closePool())])
    const outcome = await waitAtMost(closing, deadlineMs)
    this.#deadlines.close()
    this.#unwatchOutbound()
    this.#guard.holders.close()
    if (outcome === 'late') this.#parts.logger.warn({ deadlineMs }, 'Statements were still in flight at close().')
  }
}

/**
 * The driver's stack ends in its socket reader; this one leads to the line that asked, as V8 follows the promise that
 * is resolved with this one. What succeeds pays nothing for it: a handler on each query was a promise more for each.
 */
async function leadToCaller(error: unknown): Promise<never> {
  // By then that promise waits for this one, which is what V8 follows.
  await Promise.resolve()
  await Promise.resolve()
  if (error instanceof Error) Error.captureStackTrace(error, leadToCaller)
  throw error
}

function describeDeadline() {
  return coreError('HF_TX_DEADLINE', 'The transaction did not finish within its deadline and was rolled back.')
}

function describeAbort(signal: AbortSignal) {
  return coreError('HF_QUERY_ABORTED', 'The caller aborted the transaction; it was rolled back.', {
    cause: signal.reason,
  })
}

/** `late` when the work did not end in time; it goes on. */
async function waitAtMost(work: Promise<unknown>, ms: number): Promise<'done' | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, ms, 'late')))
  const outcome = await Promise.race([work.then(() => 'done' as const), late])
  clearTimeout(timer)
  return outcome
}

/** Full jitter from 10 ms, doubling, at most 1 s: equal waits would make the same two transactions meet again. */
async function waitBeforeRetry(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = Math.random() * Math.min(1_000, 10 * 2 ** attempt)
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(finish, ms)
    const onAbort = () => {
      clearTimeout(timer)
      reject(describeAbort(signal as AbortSignal))
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    function finish() {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }
  })
}
