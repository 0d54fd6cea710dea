import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { createLocks, redisBackend, type Locks } from '../../src/locks/index.js'
import { startProxy, type Proxy } from '../../src/prove/proxy.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { findRedis, startRedis, type RedisServer } from '../chaos/redis.js'
import { logger, openIoredis } from './places.js'

test('a client that is none is refused', () => {
  const refusal = expect.objectContaining({ code: 'HF_LOCKS_REDIS' }) as unknown as Error
  for (const client of [{}, undefined]) expect(() => redisBackend(client as never)).toThrow(refusal)
  // The client itself, where a back end made of it is wanted.
  expect(() => createLocks({} as never, { backend: { call: () => {} } as never })).toThrow(refusal)
})

describe.skipIf((await findRedis()) === undefined)('a Redis that fails', () => {
  let box: TestDatabase
  let server: RedisServer
  let proxy: Proxy
  const opened: { close(): Promise<unknown> }[] = []
  beforeAll(async () => {
    box = await openTestDatabase()
    await box.db.query('create table account (id int primary key, cents int not null)')
    await box.db.query('insert into account values (1, 0)')
    server = await startRedis()
    proxy = await startProxy({ host: '127.0.0.1', port: server.port })
  })
  afterAll(async () => {
    for (const each of opened.toReversed()) await each.close()
    await proxy.close()
    await server.close()
    await box.close()
  })

  const open = async (port = server.port): Promise<Locks> => {
    const link = await openIoredis(port)
    const db: Db = await connectTo({ url: box.url, directUrl: box.url, heartbeatMs: 600_000, logger })
    const locks = createLocks(db, { logger, backend: redisBackend(link.client) })
    opened.push(link, db, locks)
    return locks
  }

  test('and has lost all it knew: two may believe that they hold a lock, and only the later one can write', async () => {
    const [locks, other] = [await open(), await open()]
    const lock = await locks.acquire('k', { ttlMs: 5_000 })
    await server.loseAll()
    const next = await other.acquire('k')
    expect(lock.isHeld).toBe(true)
    expect(next.fence).toBeGreaterThan(lock.fence)
    const write = async (by: typeof lock) =>
      await by.fenced(async (tx) => await tx.query('update account set cents = cents + 1'))
    await expect(write(lock)).rejects.toMatchObject({ code: 'HF_LOCKS_STALE' })
    await write(next)
    await next.release()
    // Who was lost is not known any more, and begins anew.
    const again = await locks.acquire('k')
    await write(again)
    await again.release()
  })

  test('is told to the holder before anybody else can have the lock', async () => {
    const [far, near] = [await open(proxy.port), await open()]
    const lock = await far.acquire('z', { ttlMs: 500 })
    proxy.stall(true)
    const next = await near.acquire('z')
    expect(lock.isHeld).toBe(false)
    expect(lock.signal.reason).toMatchObject({ code: 'HF_LOCKS_LOST' })
    proxy.stall(false)
    await next.release()
  })

  test('does not keep anybody waiting for ever', { timeout: 15_000 }, async () => {
    const far = await open(proxy.port)
    await (await far.acquire('y')).release()
    proxy.stall(true)
    await expect(far.acquire('y')).rejects.toMatchObject({ code: 'HF_LOCKS_REDIS', retryable: true })
    proxy.stall(false)
    // The answer that came too late had granted it: the next heartbeat lets it go.
    const lock = await far.acquire('x', { ttlMs: 900 })
    await expect.poll(async () => (await far.tryAcquire('y'))?.isHeld, { timeout: 8_000 }).toBe(true)
    await lock.release()
  })
})
