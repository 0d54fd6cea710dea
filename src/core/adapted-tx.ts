import type { QueryResult, QueryResultRow } from 'pg'
import { queryOptionTable } from './connect-options.js'
import { currentRequest } from './context.js'
import { coreError } from './error-table.js'
import { runForeign, type ForeignStatement, type ForeignTransaction } from './foreign-statement.js'
import { validateOptions } from './options.js'
import { buildStatement } from './sql.js'
import type { QueryOptions, Tx } from './types.js'

const noOptions: QueryOptions = {}

/** One transaction of another library, its savepoints included: they share one connection, so they take turns. */
interface Turns {
  tail: Promise<unknown>
  savepoints: number
}

/** Makes a `Tx` of a transaction that another library began and will end. */
export function adaptTransaction(
  foreign: ForeignTransaction,
  turns: Turns = { tail: Promise.resolve(), savepoints: 0 },
): Tx {
  const enqueue = async (statement: ForeignStatement, options: QueryOptions) => {
    // One statement at a time: node-postgres gives up queueing on a client in its next major version.
    const turn = turns.tail.then(async () => await runObserved(foreign, statement, options))
    turns.tail = turn.catch(() => {})
    return await turn
  }
  const query = async <T extends QueryResultRow>(text: string, params?: readonly unknown[], options = noOptions) => {
    if (options !== noOptions) validateOptions('query', options, queryOptionTable)
    return (await enqueue({ text, values: params ?? [], name: options.name }, options)) as QueryResult<T>
  }
  const sql = async <T extends QueryResultRow>(strings: TemplateStringsArray, ...values: readonly unknown[]) => {
    const { text, values: params } = buildStatement(strings, values)
    return (await query<T>(text, params)).rows
  }
  const savepoint = async <T>(body: (tx: Tx) => Promise<T>): Promise<T> => {
    if (foreign.savepoint === undefined) return await runSavepoint(query, `hf_${++turns.savepoints}`, tx, body)
    // The library's own savepoint is statements of its own: they must not overtake ours.
    await turns.tail
    return await foreign.savepoint(async (inner) => await body(adaptTransaction(inner, turns)))
  }
  const tx = {
    query,
    sql,
    savepoint,
    seesCommit: false,
    beforeCommit: refuseCommit,
    afterCommit: refuseCommit,
  } as unknown as Tx
  return tx
}

async function runSavepoint<T>(
  query: (text: string) => Promise<unknown>,
  name: string,
  tx: Tx,
  body: (tx: Tx) => Promise<T>,
): Promise<T> {
  await query(`savepoint ${name}`)
  try {
    const result = await body(tx)
    await query(`release savepoint ${name}`)
    return result
  } catch (error) {
    await query(`rollback to savepoint ${name}`)
    throw error
  }
}

async function runObserved(
  foreign: ForeignTransaction,
  statement: ForeignStatement,
  options: QueryOptions,
): Promise<QueryResult> {
  const request = currentRequest()
  if (request === undefined) return await runForeign(foreign, statement, options)
  const started = performance.now()
  try {
    return await runForeign(foreign, statement, options)
  } finally {
    request.queries++
    request.sqlMs += performance.now() - started
  }
}

function refuseCommit(): never {
  throw coreError(
    'HF_TX_COMMIT_UNSEEN',
    'afterCommit or beforeCommit was called on a transaction that another library commits.',
  )
}

/** @param what in the words of the library, such as "Kysely's transaction" */
export function refuseOther(what: string): never {
  throw coreError('HF_ADAPTER_NOT_A_TRANSACTION', `What was passed is not ${what}; nothing was sent.`)
}
