import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLocks, type Locks } from '../../src/locks/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { findPython, runPython } from '../helpers/python.js'

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

const tryLock = async (key: string, ttl = '30 seconds') =>
  (
    await box.db.query<{ token: string | null; fence: string | null }>(
      'select token, fence from holdfast.try_lock($1, $2::interval)',
      [key, ttl],
    )
  ).rows[0] as { token: string | null; fence: string | null }
const call = async (name: 'renew_lock' | 'unlock', token: string | null) =>
  (await box.db.query<{ is: boolean }>(`select holdfast.${name}($1) as is`, [token])).rows[0]?.is

test('the functions and Node exclude each other', async () => {
  const lock = await locks.acquire('k')
  expect(await tryLock('k')).toEqual({ token: null, fence: null })
  await lock.release()
  const { token, fence } = await tryLock('k')
  expect(BigInt(fence as string)).toBeGreaterThan(lock.fence)
  expect(await locks.tryAcquire('k')).toBeUndefined()
  expect(await call('renew_lock', token)).toBe(true)
  const waiting = locks.acquire('k')
  await expect.poll(async () => (await locks.overview('k')).length).toBe(2)
  expect(await call('unlock', token)).toBe(true)
  await (await waiting).release()
  expect([await call('unlock', token), await call('renew_lock', token)]).toEqual([false, false])
})

test('one that is not renewed is lost', async () => {
  const { token, fence } = await tryLock('k', '300 milliseconds')
  await using next = await locks.acquire('k')
  expect(next.fence).toBeGreaterThan(BigInt(fence as string))
  expect(await call('renew_lock', token)).toBe(false)
  const guarded = box.db.tx(async (tx) => await tx.query('select holdfast.locks_guard($1, $2)', [token, fence]))
  await expect(guarded).rejects.toMatchObject({ code: 'HF022' })
})

describe('from Python', async () => {
  const python = await findPython()
  test.skipIf(python === undefined)('beside Node no increment is lost', async () => {
    const file = fileURLToPath(new URL('./increment.py', import.meta.url))
    const turns = 30
    const inNode = async () => {
      for (let n = 0; n < turns; n++)
        await locks.run('counter', async (lock) => {
          const n = (await box.db.sql<{ n: number }>`select n from counter`)[0]?.n ?? 0
          await lock.fenced(async (tx) => await tx.sql`update counter set n = ${n + 1}`)
        })
    }
    const [inPython] = await Promise.all([
      runPython(python as string, file, [box.url, String(turns)]),
      inNode(),
      inNode(),
    ])
    expect(inPython).toBe(String(turns))
    expect((await box.db.sql`select n from counter`)[0]).toEqual({ n: 3 * turns })
  })
})
