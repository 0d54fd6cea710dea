import type { ClientBase, QueryConfig, QueryResult } from 'pg'
import { sendBatch, type BatchPart } from './batch-query.js'
import { canBeginWith, sendBeginWith } from './begin-query.js'
import { bindScope } from './context.js'
import type { Deadline, Deadlines, Expirable } from './deadlines.js'
import { cancelOnServer, destroySocket, isBroken } from './driver.js'
import { coreError } from './error-table.js'
import { isHoldfastError } from './errors.js'
import { runAsOwn } from './own-call.js'
import { isEndedBeforeEffect, isSessionEnded, readSqlstate, sqlstate } from './sqlstate.js'

/** A cancelled statement gets this long to end; after that its connection is destroyed. */
const CANCEL_WAIT_MS = 2_000
/** The first pause before a cancel is repeated; each later one is twice as long. */
const FIRST_REPEAT_MS = 20

export interface StatementRequest {
  text: string
  values: readonly unknown[] | undefined
  name: string | undefined
  /** 0: none. */
  deadlineMs: number
  /** `performance.now()` when it is sent. */
  startedAt: number
  signal: AbortSignal | undefined
  /** Sent ahead of the statement: BEGIN, SAVEPOINT, RELEASE. Each leaves the list when the server has done it. */
  lead: string[]
  /** Sent instead of `text`, in one flight; the result is then a list of results. */
  batch?: readonly BatchPart[]
  /** Inside an open transaction a broken connection is certain to have committed nothing. */
  inTransaction: boolean
}

/** Nothing is sent ahead. Shared, as it is part of each statement. */
export const noLead: string[] = []

export type StatementDone = (error: unknown, result?: QueryResult | QueryResult[]) => void

export type StopReason = 'deadline' | 'abort'

/**
 * One statement on a checked-out client. Calls `done` exactly once, when the client may be used again (or is broken,
 * see `isBroken`). A statement that was told to stop but had already succeeded counts as succeeded: its work is there,
 * and saying otherwise would be a lie. One object and one closure a statement: this is the hottest path there is.
 */
export class RunningStatement implements Expirable {
  readonly #client: ClientBase
  readonly #request: StatementRequest
  readonly #done: StatementDone
  readonly #deadlines: Deadlines
  #deadline: Deadline | undefined
  #onAbort: (() => void) | undefined
  #stopped: StopReason | undefined
  #cancelling: Promise<void> | undefined
  #hasEnded = false
  /** Set while a cancel waits for the end. */
  #onEnd: (() => void) | undefined

  constructor(client: ClientBase, request: StatementRequest, deadlines: Deadlines, done: StatementDone) {
    this.#client = client
    this.#request = request
    this.#deadlines = deadlines
    this.#done = done
  }

  run(): void {
    const { deadlineMs, startedAt, signal } = this.#request
    if (signal?.aborted) {
      this.#hasEnded = true
      return this.#done(describeStop('abort', this.#request))
    }
    this.#deadline = this.#deadlines.arm(deadlineMs, startedAt, this)
    if (signal) {
      this.#onAbort = () => this.stop('abort')
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
    send(this.#client, this.#request, (error, result) => this.#finish(error, result))
  }

  expire(): void {
    this.stop('deadline')
  }

  /** Cancels it on the server; does nothing once it has ended. */
  stop(reason: StopReason): void {
    if (this.#hasEnded) return
    this.#stopped ??= reason
    this.#cancelling ??= this.#cancelOrDestroy()
  }

  #finish(error: unknown, result: QueryResult | QueryResult[] | undefined): void {
    this.#hasEnded = true
    this.#onEnd?.()
    this.#deadlines.disarm(this.#deadline)
    if (this.#onAbort) this.#request.signal?.removeEventListener('abort', this.#onAbort)
    // The server said goodbye, the socket closes a moment later: nobody may be handed this connection in between.
    if (error && isSessionEnded(error)) destroySocket(this.#client)
    if (this.#cancelling === undefined) this.#report(error, result)
    else void this.#cancelling.then(() => this.#report(error, result))
  }

  #report(error: unknown, result: QueryResult | QueryResult[] | undefined): void {
    if (error) this.#done(describeFailure(this.#client, error, this.#request, this.#stopped))
    else this.#done(undefined, result)
  }

  /**
   * Destroys the connection when the server cannot be asked or the statement does not end in time. A cancel that meets
   * a server between two commands (BEGIN and the first statement) is lost without a trace, hence the repeats.
   */
  async #cancelOrDestroy(): Promise<void> {
    const endsAt = performance.now() + CANCEL_WAIT_MS
    for (let pauseMs = FIRST_REPEAT_MS; ; pauseMs *= 2) {
      const confirmed = await cancelOnServer(this.#client, CANCEL_WAIT_MS)
      // Not confirmed: the signal may still be on its way and would hit whoever uses this connection next.
      if (!confirmed) return destroySocket(this.#client)
      await this.#waitForEnd(pauseMs)
      if (this.#hasEnded) return
      if (performance.now() >= endsAt) return destroySocket(this.#client)
    }
  }

  async #waitForEnd(mostMs: number): Promise<void> {
    if (this.#hasEnded) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, mostMs)
      this.#onEnd = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function send(client: ClientBase, request: StatementRequest, done: StatementDone): void {
  runAsOwn(() => sendNext(client, request, done))
}

function sendNext(client: ClientBase, request: StatementRequest, done: StatementDone): void {
  const { lead, text, values, name, batch } = request
  if (batch !== undefined) return sendBatch(client, request, batch, done)
  const [first] = lead
  if (first === undefined) return sendStatement(client, request, done)
  if (canBeginWith(client, values, name)) return sendBeginWith(client, request, text, values ?? [], done)
  if (lead[1]?.startsWith('set local')) return sendLeadAlone(client, request, done)
  const goOn = (error: unknown) => {
    if (error) return done(error)
    lead.shift()
    send(client, request, done)
  }
  // Called by the socket, whose scope is that of whoever opened it: the next statement would be told as that request's.
  client.query(first, [], bindScope(goOn))
}

/** One round trip for all of them; where one fails nobody can tell how far it came. */
function sendLeadAlone(client: ClientBase, request: StatementRequest, done: StatementDone): void {
  const { lead } = request
  const goOn = (error: unknown) => {
    if (error) {
      destroySocket(client)
      return done(error)
    }
    lead.length = 0
    send(client, request, done)
  }
  client.query(lead.join('; '), bindScope(goOn))
}

function sendStatement(client: ClientBase, { text, values, name }: StatementRequest, done: StatementDone): void {
  // Plain arguments take the driver's cheapest path; only a prepared statement needs the object form.
  if (name === undefined) client.query(text, values as unknown[], done)
  else client.query({ name, text, values } as QueryConfig, done)
}

function describeFailure(
  client: ClientBase,
  error: unknown,
  request: StatementRequest,
  stopped: StopReason | undefined,
): unknown {
  if (isHoldfastError(error)) return error
  if (stopped && readSqlstate(error) === sqlstate.queryCanceled) return describeStop(stopped, request, error)
  if (isEndedBeforeEffect(error))
    return describeLoss('The server ended the session before it answered the statement.', error)
  const hasAnswered = readSqlstate(error) !== undefined && !isSessionEnded(error)
  if (hasAnswered || !isBroken(client)) return error
  if (request.inTransaction) return describeLoss('The connection broke inside an open transaction.', error)
  return coreError(
    'HF_TX_OUTCOME_UNKNOWN',
    'The connection broke while a statement outside any transaction was in flight; it may have taken effect.',
    { cause: error },
  )
}

function describeLoss(message: string, cause: unknown) {
  return coreError('HF_QUERY_CONNECTION_LOST', `${message} Nothing of it was committed.`, { cause })
}

function describeStop(reason: StopReason, request: StatementRequest, cause?: unknown) {
  if (reason === 'abort') {
    return coreError('HF_QUERY_ABORTED', 'The caller aborted the statement; it had no effect.', {
      cause: request.signal?.reason,
    })
  }
  return coreError(
    'HF_QUERY_DEADLINE',
    `A statement did not finish within ${request.deadlineMs} ms and was cancelled on the server.`,
    { cause, details: { deadlineMs: request.deadlineMs } },
  )
}
