import type { QueryResult } from 'pg'
import { adaptTransaction, refuseOther } from './adapted-tx.js'
import type { ForeignStatement, ForeignTransaction } from './foreign-statement.js'
import { fromPostgresJs, isPostgresJsTransaction } from './from-postgres-js.js'
import type { Tx } from './types.js'

interface DrizzleSession {
  prepareQuery(
    query: { sql: string; params: unknown[] },
    fields: undefined,
    name: string | undefined,
    isResponseInArrayMode: boolean,
  ): { execute(): Promise<unknown> }
}

/** The part of drizzle's `PgTransaction` (0.45) that is used; its database does not satisfy it. */
export interface DrizzleTransaction {
  rollback(): never
  readonly _: { readonly session: DrizzleSession }
}

/**
 * Takes part in a transaction that drizzle began, over node-postgres or postgres.js: `fromDrizzle(tx)`. Over
 * node-postgres dates and timestamps arrive as text, as drizzle asks for them; an abort is not cancelled: it waits, then
 * fails the transaction. Over postgres.js it is `fromPostgresJs` on the connection underneath, past drizzle's logger.
 * @throws HF_ADAPTER_NOT_A_TRANSACTION
 */
export function fromDrizzle(tx: DrizzleTransaction): Tx {
  if (!isTransaction(tx)) refuseOther('a transaction of drizzle, as db.transaction() gives it')
  const { session } = tx._
  // postgres.js would encode our parameters once more: it must be told that they are encoded.
  const client = 'client' in session ? session.client : undefined
  if (isPostgresJsTransaction(client)) return fromPostgresJs(client)
  return adaptTransaction({
    run: (statement) => ({ result: execute(session, statement) }),
  } satisfies ForeignTransaction)
}

/** drizzle's database has all of it but rollback(). */
function isTransaction(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('rollback' in value) || !('_' in value)) return false
  return typeof (value._ as Partial<DrizzleTransaction['_']> | undefined)?.session?.prepareQuery === 'function'
}

async function execute(session: DrizzleSession, { text, values, name }: ForeignStatement): Promise<QueryResult> {
  try {
    const query = { sql: text, params: [...values] }
    return (await session.prepareQuery(query, undefined, name, false).execute()) as QueryResult
  } catch (error) {
    throw unwrapError(error)
  }
}

/** drizzle's own error holds the parameters in its message, and hides the server's as its cause. */
function unwrapError(error: unknown): unknown {
  const isWrapped = error instanceof Error && error.cause instanceof Error && 'query' in error && 'params' in error
  return isWrapped ? error.cause : error
}
