import type { FieldDef, QueryResult } from 'pg'
import { adaptTransaction, refuseOther } from './adapted-tx.js'
import { encodeParameter } from './driver.js'
import type { ForeignRun, ForeignStatement, ForeignTransaction } from './foreign-statement.js'
import type { Tx } from './types.js'

/** The type of a literal without a cast: the server infers what it is, exactly as with node-postgres. */
const UNKNOWN_OID = 705
/** A cancel that nobody confirms must not hold the caller for ever. */
const CANCEL_WAIT_MS = 2_000

/** The part of postgres.js' `TransactionSql` (3.4) that is used; `Sql` itself does not satisfy it. */
export interface PostgresJsTransaction {
  unsafe(text: string, parameters?: never[], options?: { prepare?: boolean }): PromiseLike<unknown>
  typed(value: string | null, oid: number): unknown
  savepoint(body: (sql: PostgresJsTransaction) => Promise<unknown>): Promise<unknown>
}

interface Rows extends Array<Record<string, unknown>> {
  count: number | null
  command: string | null
  columns?: { name: string; type: number; table?: number; number?: number }[] | null
}

interface PendingQuery extends PromiseLike<Rows | Rows[]> {
  /** What its own `cancel()` calls and then forgets: this promise tells when the cancel has been delivered. */
  canceller?: ((query: PendingQuery) => Promise<void>) | null
}

/**
 * Takes part in a transaction that postgres.js began: `fromPostgresJs(sql)` inside `sql.begin(async (sql) => …)`.
 * Parameters are encoded as by node-postgres (a string for a json column is json text, not a json string); rows are
 * parsed as postgres.js does, its `transform` included. With `name` the statement is prepared. `deadlineMs` is enforced
 * by the server, an abort cancels the statement there.
 * @throws HF_ADAPTER_NOT_A_TRANSACTION
 */
export function fromPostgresJs(sql: PostgresJsTransaction): Tx {
  if (!isPostgresJsTransaction(sql)) refuseOther('the sql that postgres.js hands to the callback of sql.begin()')
  return adaptTransaction(wrapSql(sql))
}

export function isPostgresJsTransaction(value: unknown): value is PostgresJsTransaction {
  if (typeof value !== 'function' || 'begin' in value) return false
  return 'savepoint' in value && typeof value.savepoint === 'function' && 'unsafe' in value
}

function wrapSql(sql: PostgresJsTransaction): ForeignTransaction {
  return {
    run: (statement) => send(sql, statement),
    savepoint: async <T>(body: (inner: ForeignTransaction) => Promise<T>) =>
      (await sql.savepoint(async (inner) => await body(wrapSql(inner)))) as T,
  }
}

function send(sql: PostgresJsTransaction, { text, values, name }: ForeignStatement): ForeignRun {
  const parameters = values.map((value) => sql.typed(encodeParameter(value), UNKNOWN_OID))
  const query = sql.unsafe(text, parameters as never[], { prepare: name !== undefined }) as PendingQuery
  return { result: readResult(query), cancel: async () => await cancel(query) }
}

async function cancel(query: PendingQuery): Promise<void> {
  const { canceller } = query
  if (typeof canceller !== 'function') return
  query.canceller = null
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CANCEL_WAIT_MS)))
  // A cancel that cannot be sent leaves the statement running; its end is awaited all the same.
  await Promise.race([canceller(query).catch(() => {}), late])
  clearTimeout(timer)
}

async function readResult(query: PendingQuery): Promise<QueryResult> {
  const answer = await Promise.resolve(query).catch((error: unknown) => {
    throw nameFields(error)
  })
  // Several statements in one text: an array of results, as node-postgres gives it.
  if (isSeveral(answer)) return answer.map(describeRows) as unknown as QueryResult
  return describeRows(answer)
}

/** Adds the names that node-postgres gives to what an error tells: `constraint` beside postgres.js' `constraint_name`. */
function nameFields(error: unknown): unknown {
  for (const name of ['schema', 'table', 'column', 'constraint'] as const) {
    const value = (error as Record<string, unknown>)[`${name}_name`]
    if (value !== undefined) (error as Record<string, unknown>)[name] = value
  }
  return error
}

function isSeveral(answer: Rows | Rows[]): answer is Rows[] {
  return !('command' in answer)
}

function describeRows(rows: Rows): QueryResult {
  const { count, command, columns } = rows
  return {
    rows: [...rows],
    rowCount: count,
    command: command ?? '',
    oid: 0,
    fields: (columns ?? []).map(describeField),
  }
}

function describeField({ name, type, table = 0, number = 0 }: NonNullable<Rows['columns']>[number]): FieldDef {
  // postgres.js does not keep size and modifier.
  return {
    name,
    tableID: table,
    columnID: number,
    dataTypeID: type,
    dataTypeSize: -1,
    dataTypeModifier: -1,
    format: 'text',
  }
}
