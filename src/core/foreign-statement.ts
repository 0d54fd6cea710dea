import type { QueryResult } from 'pg'
import { coreError } from './error-table.js'
import { isSessionEnded, sqlstate } from './sqlstate.js'
import type { QueryOptions } from './types.js'

export interface ForeignStatement {
  text: string
  values: readonly unknown[]
  name: string | undefined
}

export interface ForeignRun {
  result: Promise<QueryResult>
  /** Cancels it on the server and resolves when no later statement can be hit; absent where the library cannot. */
  cancel?: () => Promise<void>
}

/** What is needed of another library's transaction. */
export interface ForeignTransaction {
  run(statement: ForeignStatement): ForeignRun
  /** For a library that notes failed statements itself, and would not know of a savepoint made behind its back. */
  savepoint?<T>(body: (inner: ForeignTransaction) => Promise<T>): Promise<T>
}

// The server keeps the time: there is no second connection to cancel on. A shorter limit of the user's stays in force.
const setLimit = `with now as materialized (select current_setting('statement_timeout') as before)
select before, set_config('statement_timeout', case
  when extract(epoch from before::interval) * 1000 between 1 and $1::float8 then before else $1::text end, true) from now`
const restoreLimit = `select set_config('statement_timeout', $1, true)`

// Its text is what the server's log shows.
const failTransaction = `do $$ begin raise exception 'holdfast: a statement was aborted, this transaction can only roll back'; end $$`

/** Runs one statement on another library's transaction. Settles when it has really ended. */
export async function runForeign(
  foreign: ForeignTransaction,
  statement: ForeignStatement,
  { deadlineMs = 0, signal }: QueryOptions,
): Promise<QueryResult> {
  if (signal?.aborted) throw describeAbort(signal)
  if (deadlineMs === 0) return await runAbortable(foreign, statement, signal)
  const limitMs = Math.ceil(deadlineMs)
  const { rows } = await send(foreign, setLimit, [limitMs])
  const started = performance.now()
  let result: QueryResult
  try {
    result = await runAbortable(foreign, statement, signal)
  } catch (error) {
    // No need to restore: whatever undoes the failure undoes the limit too.
    if (isCancelled(error) && performance.now() - started >= limitMs) throw describeDeadline(limitMs, error)
    throw error
  }
  await send(foreign, restoreLimit, [(rows[0] as { before: string }).before])
  return result
}

async function runAbortable(
  foreign: ForeignTransaction,
  statement: ForeignStatement,
  signal: AbortSignal | undefined,
): Promise<QueryResult> {
  if (signal?.aborted) throw describeAbort(signal)
  const run = foreign.run(statement)
  let cancelling: Promise<void> | undefined
  const onAbort = () => void (cancelling ??= run.cancel?.())
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const result = await run.result
    if (!signal?.aborted) return result
  } catch (error) {
    if (!signal?.aborted || !isCancelled(error)) throw describeFailure(error)
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await cancelling
  }
  // Not cancelled, or too late: the caller is told that it had no effect, so this transaction must not commit.
  await send(foreign, failTransaction, []).catch(() => {})
  throw describeAbort(signal)
}

async function send(foreign: ForeignTransaction, text: string, values: readonly unknown[]): Promise<QueryResult> {
  return await foreign.run({ text, values, name: undefined }).result
}

/** By code alone: postgres.js makes this error itself for a statement it had not sent yet. */
function isCancelled(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === sqlstate.queryCanceled
}

function describeFailure(error: unknown): unknown {
  if (!isSessionEnded(error)) return error
  const message = 'The server ended the session before it answered the statement. Nothing of it was committed.'
  return coreError('HF_QUERY_CONNECTION_LOST', message, { cause: error })
}

function describeAbort(signal: AbortSignal) {
  return coreError('HF_QUERY_ABORTED', 'The caller aborted the statement; the transaction can only roll back.', {
    cause: signal.reason,
  })
}

function describeDeadline(deadlineMs: number, cause: unknown) {
  const message = `A statement did not finish within ${deadlineMs} ms and was cancelled by the server.`
  return coreError('HF_QUERY_DEADLINE', message, { cause, details: { deadlineMs } })
}
