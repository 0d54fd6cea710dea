import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import { createLocks, type Locks } from '../../src/locks/index.js'
import { ShortLocks } from '../../src/locks/short-locks.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
let locks: Locks
beforeAll(async () => {
  box = await openTestDatabase()
  locks = createLocks(box.db)
  await box.db.query('create table counter (n int)')
  await box.db.query('insert into counter values (0)')
})
afterAll(async () => {
  await locks.close()
  await box.close()
})

test('read, think and write are alone, over processes; a hot key does not empty the pool', async () => {
  const db = await connectTo({ url: box.url, heartbeatMs: 600_000, pool: { max: 2 } })
  const other = createLocks(db)
  const increment = async (by: Locks) =>
    await by.short('counter', async (tx) => {
      const n = (await tx.sql<{ n: number }>`select n from counter`)[0]?.n ?? 0
      await tx.sql`update counter set n = ${n + 1}`
    })
  const all = Array.from({ length: 40 }, async (_, n) => await increment(n % 2 === 0 ? locks : other))
  for (let n = 0; n < 5; n++) await db.query('select 1')
  await Promise.all(all)
  expect((await box.db.sql`select n from counter`)[0]).toEqual({ n: 40 })
  await other.close()
  await db.close()
})

test('waiting ends after waitMs, here and on the server, and with the signal', async () => {
  const db = await connectTo({ url: box.url, heartbeatMs: 600_000 })
  const other = createLocks(db)
  let letGo!: () => void
  const released = new Promise<void>((resolve) => (letGo = resolve))
  let hasBegun!: () => void
  const begun = new Promise<void>((resolve) => (hasBegun = resolve))
  const holding = locks.short('k', async () => (hasBegun(), await released), { ttlMs: 5_000 })
  await begun
  const nothing = async () => await Promise.resolve()
  const timeout = { code: 'HF_LOCKS_TIMEOUT', details: { waitMs: 40 } }
  await expect(locks.short('k', nothing, { waitMs: 40 })).rejects.toMatchObject(timeout)
  await expect(other.short('k', nothing, { waitMs: 40 })).rejects.toMatchObject(timeout)
  const caller = new AbortController()
  const waiting = [
    locks.short('k', nothing, { signal: caller.signal }),
    other.short('k', nothing, { signal: caller.signal }),
  ]
  setTimeout(() => caller.abort(new Error('gone')), 30)
  for (const outcome of await Promise.allSettled(waiting)) expect(outcome.status).toBe('rejected')
  letGo()
  await holding
  await locks.short('k', nothing)
  await other.close()
  await db.close()
})

test('a holder that does nothing for ttlMs is ended by the server, and the next one is in', async () => {
  const db = await connectTo({ url: box.url, heartbeatMs: 600_000 })
  const other = createLocks(db)
  let hasBegun!: () => void
  const begun = new Promise<void>((resolve) => (hasBegun = resolve))
  const idle = other.short(
    'k',
    async (tx) => {
      hasBegun()
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      await tx.query('update counter set n = -1')
    },
    { ttlMs: 200 },
  )
  await begun
  const startedAt = performance.now()
  const seen = await locks.short('k', async (tx) => await tx.sql`select n from counter`)
  expect(performance.now() - startedAt).toBeLessThan(1_200)
  expect(seen).toEqual([{ n: 40 }])
  await expect(idle).rejects.toMatchObject({ code: 'HF_QUERY_CONNECTION_LOST' })
  expect((await box.db.sql`select n from counter`)[0]).toEqual({ n: 40 })
  await other.close()
  await db.close()
})

test('it costs one statement more than its transaction', async () => {
  const before = box.db.stats().query.count
  await locks.short('k', async (tx) => await tx.query('select 1'))
  // The lock with BEGIN, the statement, COMMIT.
  expect(box.db.stats().query.count - before).toBe(3)
})

test('whoever gives up in the moment in which its turn comes hands it on', async () => {
  // Without a server all is a matter of microtasks, of which each is tried.
  const tx = { query: async () => await Promise.resolve({ rows: [] }) }
  const short = new ShortLocks({ tx: async (body: (given: object) => Promise<unknown>) => await body(tx) } as never)
  const nothing = async () => await Promise.resolve()
  for (let moment = 0; moment < 40; moment++) {
    let letGo!: () => void
    const released = new Promise<void>((resolve) => (letGo = resolve))
    const caller = new AbortController()
    const all = [
      short.run('k', async () => await released, {}),
      short.run('k', nothing, { signal: caller.signal }),
      short.run('k', nothing, {}),
    ]
    await new Promise((resolve) => setImmediate(resolve))
    letGo()
    for (let n = 0; n < moment; n++) await Promise.resolve()
    caller.abort(new Error('gone'))
    const [first, , third] = await Promise.allSettled(all)
    expect([first?.status, third?.status]).toEqual(['fulfilled', 'fulfilled'])
    await short.run('k', nothing, {})
  }
})
