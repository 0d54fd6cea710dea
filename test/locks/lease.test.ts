import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { createLocks, type Lock, type Locks, type LocksOptions } from '../../src/locks/index.js'
import { startProxy, throughProxy } from '../../src/prove/proxy.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
let owner: pg.Client
let locks: Locks
const opened: { close(): Promise<void> }[] = []
const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
beforeAll(async () => {
  box = await openTestDatabase()
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await box.db.query('create table account (id int primary key, cents int not null)')
})
beforeEach(async () => {
  await box.db.query('truncate account')
  await box.db.query('insert into account values (1, 0)')
  locks = open(box.db)
})
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
  expect((await box.db.sql`select key from holdfast.locks_requests`).length).toBe(0)
})
afterAll(async () => {
  await owner.end()
  await box.close()
})

function open(db: Db, options: LocksOptions = {}): Locks {
  const made = createLocks(db, { logger, ...options })
  opened.push(made)
  return made
}

/** As another process has it. */
async function another(url = box.url): Promise<Locks> {
  const db = await connectTo({ url, directUrl: url, heartbeatMs: 600_000, logger })
  opened.push(db)
  return open(db)
}

const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )
/** As its process would be thought of that was not heard of for as long as its lease. */
const lapse = async (key: string) =>
  await owner.query(
    `with q as (update holdfast.locks_requests set asked_at = now() - interval '1 day', held_at = now() - interval '1 day' where key = $1 and fence is not null returning owner)
     update holdfast.locks_owners o set seen_at = now() - interval '1 day' from q where o.id = q.owner`,
    [key],
  )
/** Of those with a lease of 300 ms. */
const countLiving = async () =>
  (
    await owner.query<{ living: number }>(
      `select count(*)::int as living from holdfast.locks_requests q join holdfast.locks_owners o on o.id = q.owner
        where q.ttl_ms = 300 and greatest(q.asked_at, o.seen_at) > clock_timestamp() - interval '300 ms'`,
    )
  ).rows[0]?.living
const isWaiting = async (key: string) =>
  expect.poll(async () => (await locks.overview(key)).filter(({ state }) => state === 'waiting').length)

test('a scope releases at its end, however it ends', async () => {
  {
    await using lock = await locks.acquire('k')
    expect(lock.isHeld).toBe(true)
  }
  await expect(locks.run('k', async () => await Promise.reject(new Error('mine')))).rejects.toThrow('mine')
  expect(await locks.run('k', async ({ isHeld }) => await Promise.resolve(isHeld))).toBe(true)
})

describe('waiting', () => {
  test('ends when the locks are closed, and what they held is free', async () => {
    const closing = createLocks(box.db, { logger })
    const held = await closing.acquire('k')
    const waiting = codeOf(closing.acquire('k'))
    await (await isWaiting('k')).toBe(1)
    await closing.close()
    expect(await waiting).toBe('HF_LOCKS_CLOSED')
    expect(held.signal.reason).toMatchObject({ code: 'HF_LOCKS_CLOSED' })
    expect(await codeOf(closing.acquire('k'))).toBe('HF_LOCKS_CLOSED')
    await locks.acquire('k')
  })

  test('one whose process has died does not keep the others', async () => {
    const holder = await locks.acquire('k')
    // Stalled, so that no heartbeat of it is on its way when it is thought dead.
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const dead = await another(throughProxy(box.url, proxy))
    const never = codeOf(dead.acquire('k', { ttlMs: 300 }))
    await (await isWaiting('k')).toBe(1)
    const next = locks.acquire('k')
    await (await isWaiting('k')).toBe(2)
    proxy.stall(true)
    await expect.poll(countLiving).toBe(0)
    await holder.release()
    expect((await next).isHeld).toBe(true)
    proxy.stall(false)
    proxy.cut()
    opened.splice(0, 0, proxy)
    await dead.close()
    expect(await never).toBe('HF_LOCKS_CLOSED')
  })
})

describe('a lease', () => {
  test('is whole for a process that had nothing to do with locks for longer than that', async () => {
    const other = await another()
    await (await other.acquire('z')).release()
    const holder = await locks.acquire('k', { ttlMs: 300 })
    await new Promise((resolve) => setTimeout(resolve, 400))
    const waiting = other.acquire('k', { ttlMs: 300 })
    await (await isWaiting('k')).toBe(1)
    await holder.release()
    const lock = await waiting
    expect([lock.isHeld, lock.signal.aborted]).toEqual([true, false])
  })

  test('ends when the database hears nothing: the holder is told before anybody else can have the lock', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const far = await another(throughProxy(box.url, proxy))
    const lock = await far.acquire('k', { ttlMs: 500 })
    let lostAt = 0
    lock.signal.addEventListener('abort', () => (lostAt = performance.now()))
    proxy.stall(true)
    const next = await locks.acquire('k')
    const hadAt = performance.now()
    expect(lock.isHeld).toBe(false)
    expect(lock.signal.reason).toMatchObject({ code: 'HF_LOCKS_LOST' })
    expect(lostAt).toBeLessThan(hadAt)
    expect(next.fence).toBeGreaterThan(lock.fence)
    proxy.stall(false)
    proxy.cut()
    opened.splice(0, 0, proxy)
  })

  test('is let go by a heartbeat when the answer that granted or released it was lost', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const far = await another(throughProxy(box.url, proxy))
    opened.splice(0, 0, proxy)
    await far.acquire('mine', { ttlMs: 900 })
    const held = await far.acquire('k', { ttlMs: 900 })
    // The statement is held up on the server until nobody waits for its answer any more.
    await owner.query('begin')
    await owner.query(
      `select pg_advisory_xact_lock(hashtextextended('lost', 6969)), pg_advisory_xact_lock(hashtextextended('k', 6969))`,
    )
    const asked = codeOf(far.acquire('lost', { ttlMs: 900 }))
    const released = held.release()
    await expect
      .poll(
        async () => (await box.db.query(`select 1 from pg_locks where locktype = 'advisory' and not granted`)).rowCount,
      )
      .toBe(2)
    proxy.cut()
    await owner.query('commit')
    expect(await asked).toBe('HF_TX_OUTCOME_UNKNOWN')
    await released
    for (const key of ['k', 'lost']) expect((await locks.acquire(key, { waitMs: 4_000 })).isHeld).toBe(true)
  })

  test('of a process that was thought dead is lost, and it begins anew', async () => {
    const lock = await locks.acquire('k', { ttlMs: 600 })
    await lapse('k')
    const next = await (await another()).acquire('k')
    await expect.poll(() => lock.signal.aborted).toBe(true)
    await next.release()
    expect((await locks.acquire('k')).fence).toBeGreaterThan(next.fence)
    await owner.query('delete from holdfast.locks_owners')
    await expect.poll(async () => await codeOf(locks.tryAcquire('z'))).toBe('done')
    await owner.query('delete from holdfast.locks_requests')
  })
})

describe('writes behind a fence', () => {
  const cents = async () => (await box.db.sql<{ cents: number }>`select cents from account`)[0]?.cents

  test('keep the lock until they have ended, however late they are', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    opened.push(proxy)
    const far = await another(throughProxy(box.url, proxy))
    const lock = await far.acquire('k', { ttlMs: 300 })
    let goOn!: () => void
    const paused = new Promise<void>((resolve) => (goOn = resolve))
    let hasBegun!: () => void
    const begun = new Promise<void>((resolve) => (hasBegun = resolve))
    const writing = lock.fenced(async (tx) => {
      hasBegun()
      await paused
      await tx.query('update account set cents = cents + 1')
    })
    await begun
    proxy.stall(true)
    await expect.poll(() => lock.isHeld).toBe(false)
    await expect(locks.acquire('k', { waitMs: 1_500 })).rejects.toMatchObject({ code: 'HF_LOCKS_TIMEOUT' })
    proxy.stall(false)
    goOn()
    await writing
    expect((await locks.acquire('k')).isHeld).toBe(true)
    expect(await cents()).toBe(1)
  })

  test('a lock that is released while it guards one is free when that has ended', async () => {
    const lock = await locks.acquire('k')
    let goOn!: () => void
    const paused = new Promise<void>((resolve) => (goOn = resolve))
    let hasBegun!: () => void
    const begun = new Promise<void>((resolve) => (hasBegun = resolve))
    const writing = lock.fenced(async () => (hasBegun(), await paused))
    await begun
    await lock.release()
    expect(await (await another()).tryAcquire('k')).toBeUndefined()
    goOn()
    await writing
    await expect.poll(async () => (await locks.overview('k')).length).toBe(0)
  })
})

describe('circles', () => {
  test('are found among locks that are named as held', async () => {
    const [a, b] = [await locks.acquire('a'), await locks.acquire('b')]
    const asks = [codeOf(locks.acquire('b', { within: a })), codeOf(locks.acquire('a', { within: b }))]
    const ended = await Promise.race(asks)
    expect(ended).toBe('HF_LOCKS_DEADLOCK')
    await a.release()
    await b.release()
    await Promise.all(asks)
  })

  test('are looked for in a moment however many wait', async () => {
    const lane = await locks.acquire('hot')
    const outer = await Promise.all(Array.from({ length: 150 }, async (_, n) => await locks.acquire(`own:${n}`)))
    const waiting = outer.map(async (within) => await codeOf(locks.acquire('hot', { within, waitMs: 60_000 })))
    await (await isWaiting('hot')).toBe(150)
    const startedAt = performance.now()
    const text = 'select holdfast.locks_find_circle(max(ticket)) as circle from holdfast.locks_requests'
    expect((await box.db.query(text)).rows).toEqual([{ circle: null }])
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    await locks.close()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['HF_LOCKS_CLOSED']))
    expect(lane.isHeld).toBe(false)
  })

  test('of one are told at once; who says so enters again', async () => {
    await locks.run(['a', 'b'], async (outer) => {
      await expect(locks.acquire('a')).rejects.toMatchObject({ code: 'HF_LOCKS_DEADLOCK' })
      const inner = await locks.run('b', async (lock) => await Promise.resolve(lock), { reentrant: true })
      expect(inner).toBe(outer)
      expect(outer.isHeld).toBe(true)
    })
  })
})

test('one statement acquires and one releases; those who come together share them', async () => {
  await locks.tryAcquire('warm')
  const count = async (body: () => Promise<unknown>) => {
    const before = box.db.stats().query.count
    await body()
    return box.db.stats().query.count - before
  }
  const held: Lock[] = []
  expect(await count(async () => void held.push(await locks.acquire('a')))).toBe(1)
  expect(await count(async () => await held[0]?.release())).toBe(1)
  const keys = Array.from({ length: 100 }, (_, n) => `many:${n}`)
  const all: Lock[] = []
  expect(
    await count(async () => all.push(...(await Promise.all(keys.map(async (key) => await locks.acquire(key)))))),
  ).toBe(1)
  expect(await count(async () => await Promise.all(all.map(async (lock) => await lock.release())))).toBe(1)
})

test('what cannot be a key is refused without being shown', async () => {
  for (const keys of [
    '',
    'secret'.repeat(100),
    'a\u0000b',
    '\ud800',
    [],
    ['a', 'a'],
    Array.from({ length: 51 }, String),
    7 as never,
  ]) {
    const error: unknown = await locks.acquire(keys).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'HF_LOCKS_KEY', status: 422 })
    expect((error as Error).message).not.toContain('secret')
  }
  await expect(locks.acquire('k', { ttlMs: 299 })).rejects.toMatchObject({ code: 'HF_OPTIONS_INVALID' })
  await expect(locks.acquire('k', { ttl: 1 } as never)).rejects.toMatchObject({ code: 'HF_OPTIONS_UNKNOWN' })
})
