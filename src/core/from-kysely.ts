import type { QueryResult } from 'pg'
import { adaptTransaction, refuseOther } from './adapted-tx.js'
import type { ForeignStatement, ForeignTransaction } from './foreign-statement.js'
import type { Tx } from './types.js'

interface RawQuery {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly query: {
    readonly kind: 'RawNode'
    readonly sqlFragments: readonly string[]
    readonly parameters: readonly []
  }
  readonly queryId: { readonly queryId: string }
}

/** The part of Kysely's `Transaction` (0.28) that is used; `Kysely` itself does not satisfy it. */
export interface KyselyTransaction {
  readonly isTransaction: true
  withoutPlugins(): KyselyTransaction
  executeQuery(query: RawQuery): Promise<{ readonly rows: unknown[]; readonly numAffectedRows?: bigint | undefined }>
}

/**
 * Takes part in a transaction that Kysely began, on its PostgresDialect over node-postgres: `fromKysely(trx)`. Rows are
 * Kysely's, without its plugins; `rowCount` is right, `command` and `fields` are empty and `name` is ignored, as Kysely
 * tells neither. `deadlineMs` is enforced by the server; an abort is not cancelled: it waits, then fails the transaction.
 * @throws HF_ADAPTER_NOT_A_TRANSACTION
 */
export function fromKysely(tx: KyselyTransaction): Tx {
  if (!isTransaction(tx)) refuseOther('a transaction of Kysely, as db.transaction().execute() gives it')
  // A plugin such as CamelCasePlugin would rename the columns of our rows.
  const plain = tx.withoutPlugins()
  return adaptTransaction({ run: (statement) => ({ result: execute(plain, statement) }) } satisfies ForeignTransaction)
}

function isTransaction(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'isTransaction' in value && value.isTransaction === true
}

async function execute(tx: KyselyTransaction, { text, values }: ForeignStatement): Promise<QueryResult> {
  const query = { kind: 'RawNode', sqlFragments: [text], parameters: [] } as const
  const { rows, numAffectedRows } = await tx.executeQuery({
    sql: text,
    parameters: values,
    query,
    queryId: { queryId: 'holdfast' },
  })
  const rowCount = numAffectedRows === undefined ? rows.length : Number(numAffectedRows)
  return { rows: rows as QueryResult['rows'], rowCount, command: '', oid: 0, fields: [] }
}
