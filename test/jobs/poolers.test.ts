import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { defineJob, type Job, type TransactionJob } from '../../src/jobs/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { withJobs } from '../helpers/jobs.js'
import { findPgBouncer, startPgBouncer, type PgBouncer } from '../helpers/pgbouncer.js'

interface Numbered {
  n: number
}

describe.skipIf((await findPgBouncer()) === undefined)('behind PgBouncer in transaction mode', () => {
  let box: TestDatabase
  let pooler: PgBouncer
  let db: Db
  beforeAll(async () => {
    box = await openTestDatabase()
    pooler = await startPgBouncer(box.url, { mode: 'transaction', poolSize: 4 })
    db = await connectTo({ url: pooler.url, heartbeatMs: 600_000 })
    await box.db.query('create table effects (n int)')
  })
  afterAll(async () => {
    await db.close()
    await pooler.close()
    await box.close()
  })

  test('jobs of every mode run, found by polling; a worker has no session and lives by its lease', async () => {
    const seen: number[] = []
    const plain = defineJob('plain', { handler: ({ payload }: Job<Numbered>) => seen.push(payload.n) })
    const inTx = defineJob('in-tx', {
      mode: 'transaction',
      sharedCommits: 10,
      handler: async ({ tx, payload }: TransactionJob<Numbered>) => {
        await tx.sql`insert into effects values (${payload.n})`
      },
    })
    const failing = defineJob<Numbered>('failing', {
      attempts: 1,
      handler: () => {
        throw new Error('no')
      },
    })
    await withJobs(db, [plain, inTx, failing], async (jobs) => {
      const worker = await jobs.work({ pollMs: 50, concurrency: 4 })
      expect(await jobs.inspect.workers()).toMatchObject([{ isAlive: true, hasSession: false }])
      const payloads = Array.from({ length: 200 }, (_, n) => ({ n }))
      for (const job of [plain, inTx]) await db.tx(async (tx) => await jobs.sendMany(tx, job, payloads))
      await jobs.send(plain, { n: 200 }, { delayMs: 100, uniqueKey: 'one' })
      await jobs.send(failing, { n: 0 })
      await eventually(() => expect(worker.stats()).toMatchObject({ succeeded: 401, failed: 1 }), { withinMs: 15_000 })
      expect(seen).toHaveLength(201)
      expect(await db.sql`select count(*)::int as amount from effects`).toEqual([{ amount: 200 }])
      await eventually(async () => expect(await jobs.findDead()).toHaveLength(1))
      await worker.stop()
      expect(await jobs.inspect.workers()).toEqual([])
    })
  })
})
