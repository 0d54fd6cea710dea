import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { createLocks, type Locks } from '../../src/locks/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { findPgBouncer, startPgBouncer, type PgBouncer } from '../helpers/pgbouncer.js'

describe.skipIf((await findPgBouncer()) === undefined)('behind PgBouncer in transaction mode', () => {
  let box: TestDatabase
  let pooler: PgBouncer
  let db: Db
  let locks: Locks
  beforeAll(async () => {
    box = await openTestDatabase()
    pooler = await startPgBouncer(box.url, { mode: 'transaction', poolSize: 4 })
    db = await connectTo({ url: pooler.url, heartbeatMs: 600_000 })
    locks = createLocks(db)
    await box.db.query('create table account (cents int)')
    await box.db.query('insert into account values (0)')
  })
  afterAll(async () => {
    await locks.close()
    await db.close()
    await pooler.close()
    await box.close()
  })

  test('leases exclude each other, are waited for by looking, and guard writes', async () => {
    const direct = createLocks(box.db)
    const add = async (by: Locks) =>
      await by.run('account', async (lock) => {
        const cents = (await box.db.sql<{ cents: number }>`select cents from account`)[0]?.cents ?? 0
        await lock.fenced(async (tx) => await tx.sql`update account set cents = ${cents + 1}`)
      })
    await Promise.all(Array.from({ length: 20 }, async (_, n) => await add(n % 2 === 0 ? locks : direct)))
    expect(await box.db.sql`select cents from account`).toEqual([{ cents: 20 }])
    await direct.close()
  })

  test('short locks exclude each other, and leave no setting behind', async () => {
    const add = async () =>
      await locks.short('account', async (tx) => {
        const [row] = await tx.sql<{ cents: number }>`select cents from account`
        await tx.sql`update account set cents = ${(row?.cents ?? 0) + 1}`
      })
    await Promise.all(Array.from({ length: 20 }, add))
    expect(await box.db.sql`select cents from account`).toEqual([{ cents: 40 }])
    const { rows } = await db.query(
      `select current_setting('idle_in_transaction_session_timeout') as idle, current_setting('lock_timeout') as lock`,
    )
    expect(rows).toEqual([{ idle: '0', lock: '0' }])
  })
})
