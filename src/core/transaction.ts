import type { PoolClient, QueryResult, QueryResultRow } from 'pg'
import { queryOptionTable } from './connect-options.js'
import { runWithHeld } from './context.js'
import { canBatch, type BatchPart } from './batch-query.js'
import type { Deadlines } from './deadlines.js'
import { destroySocket, isBroken, takeWarning } from './driver.js'
import { coreError } from './error-table.js'
import type { HeldClient } from './holders.js'
import { validateOptions } from './options.js'
import { describeNamedStatement, type Pooler } from './pooler.js'
import { buildStatement, SqlFragment } from './sql.js'
import { noLead, RunningStatement, type StatementRequest, type StopReason } from './statement.js'
import type { BatchStatement, QueryOptions, Tx, TxOptions } from './types.js'

/**
 * COMMIT is never cancelled; at the transaction's deadline, but not before the first and not after the second of these,
 * its connection is given up and the outcome is called unknown.
 */
const COMMIT_LEAST_MS = 1_000
const COMMIT_MOST_MS = 30_000
const ROLLBACK_WAIT_MS = 5_000

/** Savepoints inside of each other: the server looks through all of them to tell whether a row is its own. */
const MOST_UNRELEASED = 50

/** Savepoints that have ended and are not released, each inside of the one before. */
interface Ended {
  first: string | undefined
  amount: number
}
const noneEnded: Ended = { first: undefined, amount: 0 }

const emptyRequest: StatementRequest = {
  text: '',
  values: undefined,
  name: undefined,
  deadlineMs: 0,
  startedAt: 0,
  signal: undefined,
  lead: noLead,
  inTransaction: true,
}

export type Effect = () => void | Promise<void>

export interface TransactionParts {
  client: PoolClient
  deadlines: Deadlines
  /** What the pool's book knows of it. */
  held: HeldClient
  pooler: Pooler
  /** The transaction's own deadline, as `performance.now()`. */
  endsAt: number
  /** For each statement. @unit ms */
  deadlineMs: number
  /** Told about every statement, so that the pool's counters see it. */
  observe: (ms: number, failed: boolean) => void
}

/** One transaction on one client: its statements one at a time, and what happens at its end. */
export class Transaction {
  readonly effects: Effect[] = []
  readonly #parts: TransactionParts
  #tail: Promise<unknown> = Promise.resolve()
  #pending = 0
  #isOpen = true
  #savepoints = 0
  #ended = noneEnded
  #firstError: unknown
  #running: RunningStatement | undefined
  #fail: ((error: unknown) => void) | undefined
  #stopError: unknown
  /** COMMIT or ROLLBACK is on its way, or was answered. */
  #isEnding = false

  readonly #begin: string
  /** Sent ahead of the next statement: BEGIN with the first one, and what begins and ends savepoints. */
  #lead: string[]
  /** Sent with COMMIT, in one flight. */
  readonly #last: BatchPart[] = []
  #failures = 0

  constructor(parts: TransactionParts, { isolation, readOnly, idleMs }: TxOptions) {
    this.#parts = parts
    this.#begin = `begin${isolation ? ` isolation level ${isolation}` : ''}${readOnly ? ' read only' : ''}`
    this.#lead = [this.#begin]
    if (idleMs) this.#lead.push(`set local idle_in_transaction_session_timeout = ${Math.ceil(idleMs)}`)
  }

  get #hasBegun(): boolean {
    return this.#lead[0] !== this.#begin
  }

  /** Runs the body until it ends, or until `stop` is called. */
  async runBody<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#stopError !== undefined) throw this.#stopError
    return await new Promise<T>((resolve, reject) => {
      this.#fail = reject
      runWithHeld(this.#parts.held, () => void Promise.resolve(body(this.#face())).then(resolve, reject))
    })
  }

  /** No time left: cancels the statement that runs, lets no other one start, and makes `runBody` throw. */
  stop(reason: StopReason, error: unknown): void {
    if (this.#isEnding) return
    this.#isOpen = false
    this.#stopError = error
    this.#running?.stop(reason)
    this.#fail?.(error)
  }

  /**
   * Commits. Never cancelled: a COMMIT that waits for a synchronous standby would answer a cancel with success.
   * @throws HF_TX_ABORTED, HF_TX_OUTCOME_UNKNOWN, or what the server refused it with
   */
  async commit(): Promise<void> {
    // Statements that the body did not await still run inside the transaction.
    if (this.#pending > 0) await this.#tail
    this.#isOpen = false
    if (this.#stopError !== undefined) throw this.#stopError
    const { client, deadlines, endsAt } = this.#parts
    if (isBroken(client)) throw describeLostBeforeCommit(this.#firstError)
    // A body without statements never began anything.
    if (!this.#hasBegun && this.#last.length === 0) return
    // COMMIT releases every savepoint.
    if (this.#hasBegun) this.#lead = []
    if (!canBatch(client)) await this.#sendLast()
    this.#isEnding = true
    // One that a statement of the body raised says nothing about the commit.
    takeWarning(client)
    const now = performance.now()
    const waitMs = Math.min(COMMIT_MOST_MS, Math.max(COMMIT_LEAST_MS, endsAt - now))
    const deadline = deadlines.arm(waitMs, now, { expire: () => destroySocket(client) })
    try {
      // Outside-a-transaction rules apply: a connection that breaks now leaves the outcome unknown.
      const command = await this.#sendCommit()
      if (command === 'ROLLBACK') throw describeAborted(this.#firstError)
      if (takeWarning(client) === '01000') throw describeUnreplicated()
    } finally {
      deadlines.disarm(deadline)
    }
  }

  /** Where the driver does not let them travel together: one after the other, COMMIT last. */
  async #sendLast(): Promise<void> {
    for (const { text, values } of this.#last.splice(0)) await this.#control(text, this.#parts.deadlineMs, true, values)
  }

  /** Gives the command that the server says it has completed. */
  async #sendCommit(): Promise<string> {
    if (this.#last.length === 0) return (await this.#control('commit', 0, false)).command
    const batch = [...this.#last, { text: 'commit', values: [] }]
    try {
      const results = (await this.#run({ ...emptyRequest, batch, inTransaction: false })) as unknown as QueryResult[]
      return (results.at(-1) as QueryResult).command
    } catch (error) {
      // One of those before it failed, so the transaction is open still. Where it was COMMIT itself, ROLLBACK does no harm.
      this.#isEnding = false
      throw error
    }
  }

  /** Rolls back; a connection that cannot do it in time is destroyed, which rolls back too. */
  async rollback(): Promise<void> {
    this.#isOpen = false
    const { client, deadlines } = this.#parts
    // Whatever the server answered to COMMIT, the transaction is over.
    if (this.#isEnding || isBroken(client) || !this.#hasBegun) return
    this.#isEnding = true
    const deadline = deadlines.arm(ROLLBACK_WAIT_MS, performance.now(), { expire: () => destroySocket(client) })
    try {
      await this.#tail
      this.#lead = []
      await this.#control('rollback', 0)
    } catch {
      destroySocket(client)
    } finally {
      deadlines.disarm(deadline)
    }
  }

  #face(): Tx {
    const query = async <T extends QueryResultRow>(
      text: string,
      values?: readonly unknown[],
      options?: QueryOptions,
    ) => {
      if (options !== undefined) validateOptions('query', options, queryOptionTable)
      return (await this.#enqueue(text, values, options)) as QueryResult<T>
    }
    const sql = async <T extends QueryResultRow>(strings: TemplateStringsArray, ...values: readonly unknown[]) => {
      const statement = buildStatement(strings, values)
      return (await this.#enqueue(statement.text, statement.values)).rows as T[]
    }
    const afterCommit = (effect: Effect) => void this.effects.push(effect)
    const beforeCommit = (statement: SqlFragment | BatchStatement) => void this.#last.push(toPart(statement))
    const savepoint = async <T>(body: (tx: Tx) => Promise<T>) => await this.#runSavepoint(body)
    const batch = async (statements: readonly (SqlFragment | BatchStatement)[]) => await this.#runBatch(statements)
    return { query, sql, batch, beforeCommit, afterCommit, savepoint, seesCommit: true } as Tx
  }

  #enqueue(text: string, values?: readonly unknown[], options: QueryOptions = {}): Promise<QueryResult> {
    const { deadlineMs = this.#parts.deadlineMs, name, signal } = options
    if (name !== undefined && this.#parts.pooler === 'transaction') return Promise.reject(describeNamedStatement(name))
    return this.#enqueueRequest({
      text,
      values,
      name,
      deadlineMs,
      startedAt: 0,
      signal,
      lead: noLead,
      inTransaction: true,
    })
  }

  #enqueueRequest(request: StatementRequest): Promise<QueryResult> {
    // One statement at a time: node-postgres gives up queueing on a client in its next major version.
    const turn = this.#pending++ === 0 ? this.#runIfOpen(request) : this.#tail.then(() => this.#runIfOpen(request))
    const settle = () => void this.#pending--
    this.#tail = turn.then(settle, settle)
    return turn
  }

  /** One flight where the driver lets us; one after the other where it does not: a failing one stops the rest either way. */
  async #runBatch(statements: readonly (SqlFragment | BatchStatement)[]): Promise<QueryResult[]> {
    const parts = statements.map(toPart)
    if (parts.length === 0) return []
    if (canBatch(this.#parts.client)) {
      const { deadlineMs } = this.#parts
      const results = await this.#enqueueRequest({ ...emptyRequest, deadlineMs, batch: parts })
      return results as unknown as QueryResult[]
    }
    const results: QueryResult[] = []
    for (const { text, values } of parts) results.push(await this.#enqueue(text, values))
    return results
  }

  #runIfOpen(request: StatementRequest): Promise<QueryResult> {
    if (this.#isOpen) return this.#run(request)
    const message = 'A statement reached a transaction that had already ended; it was not sent.'
    return Promise.reject(coreError('HF_TX_CLOSED', message))
  }

  #control(text: string, deadlineMs: number, inTransaction = true, values?: readonly unknown[]): Promise<QueryResult> {
    return this.#run({ ...emptyRequest, text, values, deadlineMs, inTransaction })
  }

  #run(request: StatementRequest): Promise<QueryResult> {
    const { client, deadlines, held, observe } = this.#parts
    held.isBusy = true
    held.progress++
    const started = performance.now()
    request.startedAt = started
    request.lead = this.#lead
    this.#lead = []
    return new Promise((resolve, reject) => {
      this.#running = new RunningStatement(client, request, deadlines, (error, result) => {
        this.#running = undefined
        const ended = performance.now()
        held.isBusy = false
        held.idleSince = ended
        held.progress++
        observe(ended - started, error !== undefined)
        if (error === undefined) return resolve(result as QueryResult)
        this.#firstError ??= error
        this.#failures++
        // Not begun after all: without this the next statement would run, and last, outside any transaction.
        this.#lead = [...request.lead, ...this.#lead]
        reject(error)
      })
      this.#running.run()
    })
  }

  async #runSavepoint<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    const name = `hf_${++this.#savepoints}`
    const begin = `savepoint ${name}`
    const [effectsBefore, lastBefore] = [this.effects.length, this.#last.length]
    await this.#leadOn(begin)
    const [errorBefore, failuresBefore, endedBefore] = [this.#firstError, this.#failures, this.#ended]
    this.#ended = noneEnded
    try {
      const result = await body(this.#face())
      const { amount } = this.#ended
      this.#ended = endedBefore
      if (this.#dropLead(begin)) return result
      // An error that the body kept to itself has ended the transaction's block; this tells.
      if (this.#failures > failuresBefore) await this.#enqueue(`release savepoint ${name}`)
      else await this.#leave(name, amount + 1)
      return result
    } catch (error) {
      this.#ended = endedBefore
      // It is there still, and empty.
      if (await this.#undoSavepoint(name, begin)) await this.#leave(name, 1)
      this.#firstError = errorBefore
      // Its effects belong to work that is undone.
      this.effects.length = effectsBefore
      this.#last.length = lastBefore
      throw error
    }
  }

  /**
   * One that has ended is not released at once: the next one is inside of it, and releasing the first releases them all, as
   * COMMIT does. A release for each was a statement in three where many jobs share a commit.
   */
  async #leave(name: string, amount: number): Promise<void> {
    const { first, amount: before } = this.#ended
    this.#ended = { first: first ?? name, amount: before + amount }
    if (this.#ended.amount < MOST_UNRELEASED) return
    const { first: outermost } = this.#ended
    this.#ended = noneEnded
    await this.#leadOn(`release savepoint ${outermost}`)
  }

  /** Travels with the next statement, unless others are under way whose place is before it. */
  async #leadOn(text: string): Promise<void> {
    if (this.#pending > 0 || !this.#isOpen) await this.#enqueue(text)
    else this.#lead.push(text)
  }

  /** True: it had not been sent. */
  #dropLead(text: string): boolean {
    const wasLast = this.#pending === 0 && this.#lead.at(-1) === text
    if (wasLast) this.#lead.pop()
    return wasLast
  }

  /** False: it had not been sent. */
  async #undoSavepoint(name: string, begin: string): Promise<boolean> {
    if (this.#dropLead(begin)) return false
    // Statements that the body did not await are part of it.
    if (this.#pending > 0) await this.#tail
    // What is not sent yet came after the savepoint, and goes with it.
    this.#lead = []
    await this.#enqueue(`rollback to savepoint ${name}`)
    return true
  }
}

function toPart(statement: SqlFragment | BatchStatement): BatchPart {
  if (statement instanceof SqlFragment) return buildStatement(statement.strings, statement.values)
  return { text: statement.text, values: statement.params ?? [] }
}

/** The server committed here but stopped waiting for its standby (WARNING 01000): after a failover it may be gone. */
function describeUnreplicated() {
  return coreError(
    'HF_TX_OUTCOME_UNKNOWN',
    'COMMIT stopped waiting for the synchronous standby: it is committed on this server, and lost if that one fails now.',
  )
}

function describeAborted(cause: unknown) {
  return coreError('HF_TX_ABORTED', 'COMMIT was answered with ROLLBACK: an earlier statement had failed.', { cause })
}

function describeLostBeforeCommit(cause: unknown) {
  return coreError('HF_QUERY_CONNECTION_LOST', 'The connection broke before COMMIT was sent. Nothing was committed.', {
    cause,
  })
}
