import { expectTypeOf, test } from 'vitest'
import type { connect, Db, Queryable, Tx } from '../../src/index.js'

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
