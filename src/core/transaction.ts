import type { PoolClient, QueryResult, QueryResultRow } from 'pg'
import { destroySocket, isBroken } from './driver.js'
import { coreError } from './error-table.js'
import { buildStatement } from './sql.js'
import { runStatement, type StatementRequest, type StopReason, type StopStatement } from './statement.js'
import type { QueryOptions, Tx, TxOptions } from './types.js'

/** COMMIT is never cancelled; after this long its connection is given up and the outcome is called unknown. */
const COMMIT_WAIT_MS = 30_000
const ROLLBACK_WAIT_MS = 5_000

/** One transaction on one client: the statements in order, one at a time, and what happens at its end. */
export class Transaction {
  readonly #client: PoolClient
  readonly #deadlineMs: number
  readonly #effects: (() => void | Promise<void>)[] = []
  #stopRunning: StopStatement | undefined
  #fail: ((error: unknown) => void) | undefined
  #stopError: unknown
  /** COMMIT or ROLLBACK is on its way, or was answered. */
  #isEnding = false
  #tail: Promise<unknown> = Promise.resolve()
  #isOpen = true
  #pending = 0
  #savepoints = 0
  #firstError: unknown
  /** Told about every statement, so that the pool's counters see it. */
  readonly #observe: (ms: number, failed: boolean) => void

  constructor(client: PoolClient, deadlineMs: number, observe: (ms: number, failed: boolean) => void) {
    this.#client = client
    this.#deadlineMs = deadlineMs
    this.#observe = observe
  }

  get effects(): readonly (() => void | Promise<void>)[] {
    return this.#effects
  }

  async begin({ isolation, readOnly }: TxOptions): Promise<void> {
    const mode = (isolation ? ` isolation level ${isolation}` : '') + (readOnly ? ' read only' : '')
    await this.#run({ ...controlStatement, text: `begin${mode}`, deadlineMs: this.#deadlineMs })
  }

  /** Runs the body until it ends, or until `stop` is called. */
  async runBody<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#stopError !== undefined) throw this.#stopError
    const stopped = new Promise<never>((_, reject) => (this.#fail = reject))
    return await Promise.race([body(this.#face()), stopped])
  }

  /** No time left: cancels the statement that runs, lets no other one start, and makes `runBody` throw. */
  stop(reason: StopReason, error: unknown): void {
    if (this.#isEnding) return
    this.#isOpen = false
    this.#stopError = error
    this.#stopRunning?.(reason)
    this.#fail?.(error)
  }

  /**
   * Commits. Never cancelled: a COMMIT that waits for a synchronous standby would answer a cancel with success.
   * @throws HF_TX_ABORTED, HF_TX_OUTCOME_UNKNOWN, or what the server refused it with
   */
  async commit(): Promise<void> {
    await this.#tail
    this.#isOpen = false
    if (this.#stopError !== undefined) throw this.#stopError
    if (isBroken(this.#client)) throw describeLostBeforeCommit(this.#firstError)
    this.#isEnding = true
    const giveUp = setTimeout(destroySocket, COMMIT_WAIT_MS, this.#client)
    try {
      // Outside-a-transaction rules apply: a connection that breaks now leaves the outcome unknown.
      const { command } = await this.#run({ ...controlStatement, text: 'commit', inTransaction: false })
      if (command === 'ROLLBACK') throw this.#describeAborted()
    } finally {
      clearTimeout(giveUp)
    }
  }

  /** Rolls back; a connection that cannot do it in time is destroyed, which rolls back too. */
  async rollback(): Promise<void> {
    this.#isOpen = false
    // Whatever the server answered to COMMIT, the transaction is over.
    if (this.#isEnding || isBroken(this.#client)) return
    this.#isEnding = true
    const giveUp = setTimeout(destroySocket, ROLLBACK_WAIT_MS, this.#client)
    try {
      await this.#tail
      await this.#run({ ...controlStatement, text: 'rollback' })
    } catch {
      destroySocket(this.#client)
    } finally {
      clearTimeout(giveUp)
    }
  }

  #face(): Tx {
    const query = async <T extends QueryResultRow>(
      text: string,
      values?: readonly unknown[],
      options: QueryOptions = {},
    ): Promise<QueryResult<T>> => (await this.#enqueue(text, values, options)) as QueryResult<T>
    const sql = async <T extends QueryResultRow>(
      strings: TemplateStringsArray,
      ...values: readonly unknown[]
    ): Promise<T[]> => {
      const { text, values: params } = buildStatement(strings, values)
      return (await query<T>(text, params)).rows
    }
    return {
      query,
      sql,
      afterCommit: (effect) => void this.#effects.push(effect),
      savepoint: async (body) => await this.#runSavepoint(body),
    } as Tx
  }

  async #enqueue(text: string, values: readonly unknown[] | undefined, options: QueryOptions): Promise<QueryResult> {
    const { deadlineMs = this.#deadlineMs, name, signal } = options
    const request = { text, values, name, deadlineMs, signal, inTransaction: true }
    // One statement at a time: node-postgres gives up queueing on a client in its next major version.
    const turn = this.#pending++ === 0 ? this.#runIfOpen(request) : this.#tail.then(() => this.#runIfOpen(request))
    const settle = () => void this.#pending--
    this.#tail = turn.then(settle, settle)
    return await turn
  }

  async #runIfOpen(request: StatementRequest): Promise<QueryResult> {
    if (this.#isOpen) return await this.#run(request)
    throw coreError('HF_TX_CLOSED', 'A statement reached a transaction that had already ended; it was not sent.')
  }

  async #run(request: StatementRequest): Promise<QueryResult> {
    const started = performance.now()
    return await new Promise((resolve, reject) => {
      let ended = false
      const stop = runStatement(this.#client, request, (error, result) => {
        ended = true
        this.#stopRunning = undefined
        this.#observe(performance.now() - started, error !== undefined)
        if (error === undefined) return resolve(result as QueryResult)
        this.#firstError ??= error
        reject(error as Error)
      })
      // A signal that was already aborted ends it before there is anything to stop.
      if (!ended) this.#stopRunning = stop
    })
  }

  async #runSavepoint<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    const name = `hf_${++this.#savepoints}`
    const effects = this.#effects.length
    await this.#enqueue(`savepoint ${name}`, undefined, {})
    const errorBefore = this.#firstError
    try {
      const result = await body(this.#face())
      await this.#enqueue(`release savepoint ${name}`, undefined, {})
      return result
    } catch (error) {
      await this.#enqueue(`rollback to savepoint ${name}`, undefined, {})
      this.#firstError = errorBefore
      // Its effects belong to work that is undone.
      this.#effects.length = effects
      throw error
    }
  }

  #describeAborted() {
    return coreError('HF_TX_ABORTED', 'COMMIT was answered with ROLLBACK: an earlier statement had failed.', {
      cause: this.#firstError,
    })
  }
}

const controlStatement: StatementRequest = {
  text: '',
  values: undefined,
  name: undefined,
  deadlineMs: 0,
  signal: undefined,
  inTransaction: true,
}

function describeLostBeforeCommit(cause: unknown) {
  return coreError('HF_QUERY_CONNECTION_LOST', 'The connection broke before COMMIT was sent. Nothing was committed.', {
    cause,
  })
}
