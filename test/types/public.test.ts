import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { ControlledTransaction, Kysely, Transaction } from 'kysely'
import type { ReservedSql, Sql, TransactionSql } from 'postgres'
import { expectTypeOf, test } from 'vitest'
import type {
  connect,
  Db,
  DrizzleTransaction,
  fromKysely,
  KyselyTransaction,
  PostgresJsTransaction,
  Queryable,
  Tx,
} from '../../src/index.js'

import type { offload, Limiter, Offloaded } from '../../src/overload/index.js'

// Checked by tsc (`npm run check`); running it pins nothing more.
test('the public types', () => {
  expectTypeOf<typeof connect>().returns.resolves.toEqualTypeOf<Db>()
  expectTypeOf<Tx>().toExtend<Queryable>()
  expectTypeOf<Db>().toExtend<Queryable>()
  // The nested checkout that deadlocks: a pool passed where a transaction is meant.
  expectTypeOf<Db>().not.toExtend<Tx>()
  expectTypeOf<Queryable>().not.toExtend<Tx>()
  const save = async (tx: Tx) => await tx.sql<{ id: number }>`select 1 as id`
  expectTypeOf(save).returns.resolves.toEqualTypeOf<{ id: number }[]>()
})

interface Schema {
  seat: { id: number }
}
type DrizzleTx<Database extends { transaction: (body: never) => unknown }> = Parameters<
  Parameters<Database['transaction']>[0]
>[0]

test('a transaction of another library, and never its database, becomes a Tx', () => {
  expectTypeOf<typeof fromKysely>().returns.toEqualTypeOf<Tx>()
  expectTypeOf<Transaction<Schema>>().toExtend<KyselyTransaction>()
  expectTypeOf<ControlledTransaction<Schema>>().toExtend<KyselyTransaction>()
  expectTypeOf<Kysely<Schema>>().not.toExtend<KyselyTransaction>()
  expectTypeOf<DrizzleTx<NodePgDatabase>>().toExtend<DrizzleTransaction>()
  expectTypeOf<DrizzleTx<PostgresJsDatabase>>().toExtend<DrizzleTransaction>()
  expectTypeOf<NodePgDatabase>().not.toExtend<DrizzleTransaction>()
  expectTypeOf<PostgresJsDatabase>().not.toExtend<DrizzleTransaction>()
  expectTypeOf<TransactionSql>().toExtend<PostgresJsTransaction>()
  expectTypeOf<Sql>().not.toExtend<PostgresJsTransaction>()
  expectTypeOf<ReservedSql>().not.toExtend<PostgresJsTransaction>()
  expectTypeOf<Db>().not.toExtend<DrizzleTransaction | KyselyTransaction | PostgresJsTransaction>()
  // Nor is any of them a Tx without its adapter.
  expectTypeOf<Kysely<Schema>>().not.toExtend<Tx>()
  expectTypeOf<Transaction<Schema>>().not.toExtend<Tx>()
  expectTypeOf<NodePgDatabase>().not.toExtend<Tx>()
  expectTypeOf<TransactionSql>().not.toExtend<Tx>()
})

test('a function on a thread has the parameters and, awaited, the result that it has', () => {
  const run = (fn: typeof offload) => ({
    sync: fn((n: number, text: string) => `${text}${n}`),
    later: fn(async (n: number) => await Promise.resolve(n)),
    module: fn<typeof import('../overload/work.mjs'), 'double'>(new URL('file:///work.mjs'), 'double'),
  })
  type Made = ReturnType<typeof run>
  expectTypeOf<Made['sync']>().toEqualTypeOf<Offloaded<[n: number, text: string], string>>()
  expectTypeOf<Made['later']>().returns.resolves.toEqualTypeOf<number>()
  expectTypeOf<Made['module']>().parameters.toEqualTypeOf<[n: number]>()
  expectTypeOf<Made['module']>().returns.resolves.toEqualTypeOf<number>()
  expectTypeOf<Awaited<ReturnType<Limiter['run']>>>().toBeUnknown()
})
