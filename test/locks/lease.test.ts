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
const isWaiting = async (key: string) =>
  expect.poll(async () => (await locks.overview(key)).filter(({ state }) => state === 'waiting').length)

test('a lock is held by one, and handed on with a higher fence', async () => {
  const other = await another()
  const first = await locks.acquire('k')
  expect(first).toMatchObject({ keys: ['k'], mode: 'exclusive', isHeld: true })
  expect(await other.tryAcquire('k')).toBeUndefined()
  const waiting = other.acquire('k')
  await (await isWaiting('k')).toBe(1)
  await first.release()
  expect(first.isHeld).toBe(false)
  const second = await waiting
  expect(second.fence).toBeGreaterThan(first.fence)
  expect(first.signal.aborted).toBe(false)
  await first.release()
  expect(second.isHeld).toBe(true)
})

test('a scope releases at its end, however it ends', async () => {
  {
    await using lock = await locks.acquire('k')
    expect(lock.isHeld).toBe(true)
  }
  await expect(locks.run('k', async () => await Promise.reject(new Error('mine')))).rejects.toThrow('mine')
  expect(await locks.run('k', async ({ isHeld }) => await Promise.resolve(isHeld))).toBe(true)
})

test('who asks first gets it first, over processes', async () => {
  const others = [locks, await another(), await another()]
  const holder = await locks.acquire('k')
  const order: number[] = []
  const waiting: Promise<void>[] = []
  for (let n = 0; n < 9; n++) {
    waiting.push((others[n % 3] as Locks).run('k', async () => void order.push(n)))
    await (await isWaiting('k')).toBe(n + 1)
  }
  await holder.release()
  await Promise.all(waiting)
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('shared ones hold together; an exclusive one that waits is not overtaken', async () => {
  const other = await another()
  const [a, b] = [await locks.acquire('k', { mode: 'shared' }), await other.acquire('k', { mode: 'shared' })]
  const order: string[] = []
  const writer = locks.run('k', async () => void order.push('writer'))
  await (await isWaiting('k')).toBe(1)
  expect(await other.tryAcquire('k', { mode: 'shared' })).toBeUndefined()
  const readers = [1, 2].map(
    async () => await other.run('k', async () => void order.push('reader'), { mode: 'shared' }),
  )
  await (await isWaiting('k')).toBe(3)
  await a.release()
  expect(order).toEqual([])
  await b.release()
  await Promise.all([writer, ...readers])
  expect(order).toEqual(['writer', 'reader', 'reader'])
})

describe('several keys', () => {
  test('are held together, whatever their order is', async () => {
    const other = await another()
    const turns = Array.from({ length: 20 }, async (_, n) => {
      const keys = n % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'a']
      await (n % 3 === 0 ? other : locks).run(keys, async (lock) => {
        expect(lock.keys).toEqual(keys.toSorted())
        const held = (await locks.overview()).filter(({ state }) => state === 'held')
        expect(new Set(held.map(({ key }) => key)).size).toBe(held.length)
      })
    })
    await Promise.all(turns)
  })

  test('wait until the last of them is free', async () => {
    const [a, b] = [await locks.acquire('a'), await locks.acquire('b')]
    const both = (await another()).acquire(['a', 'b'])
    await (await isWaiting('a')).toBe(1)
    await a.release()
    expect(await codeOf(Promise.race([both, Promise.reject(Object.assign(new Error(), { code: 'waits' }))]))).toBe(
      'waits',
    )
    await b.release()
    expect((await both).isHeld).toBe(true)
  })
})

describe('waiting', () => {
  test('ends after waitMs, and leaves no place behind', async () => {
    await locks.acquire('k')
    const other = await another()
    await expect(other.acquire('k', { waitMs: 50 })).rejects.toMatchObject({
      code: 'HF_LOCKS_TIMEOUT',
      retryable: true,
      details: { waitMs: 50 },
    })
    await expect.poll(async () => (await locks.overview('k')).length).toBe(1)
  })

  test('ends with the signal', async () => {
    const holder = await locks.acquire('k')
    const caller = new AbortController()
    const waiting = locks.acquire('k', { signal: caller.signal })
    await (await isWaiting('k')).toBe(1)
    caller.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    await holder.release()
    expect(await (await another()).tryAcquire('k')).toBeDefined()
  })

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
    const dead = await another()
    const never = codeOf(dead.acquire('k', { ttlMs: 300 }))
    await (await isWaiting('k')).toBe(1)
    const next = locks.acquire('k')
    await (await isWaiting('k')).toBe(2)
    await owner.query(
      `update holdfast.locks_requests set asked_at = now() - interval '1 day' where fence is null and ttl_ms = 300`,
    )
    await owner.query(
      `update holdfast.locks_owners set seen_at = now() - interval '1 day' where id = (select owner from holdfast.locks_requests where ttl_ms = 300)`,
    )
    await holder.release()
    expect((await next).isHeld).toBe(true)
    await opened
      .splice(2, 2)
      .reverse()
      .reduce(async (before, each) => (await before, await each.close()), Promise.resolve())
    expect(await never).toBe('HF_LOCKS_CLOSED')
  })
})

describe('a lease', () => {
  test('goes on by itself', async () => {
    const lock = await locks.acquire('k', { ttlMs: 300 })
    const other = await another()
    const endsAt = performance.now() + 1_000
    while (performance.now() < endsAt) expect(await other.tryAcquire('k')).toBeUndefined()
    expect(lock.isHeld).toBe(true)
  })

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
  const add = async (lock: Lock, cents: number) =>
    await lock.fenced(async (tx) => await tx.sql`update account set cents = cents + ${cents} where id = 1`)
  const cents = async () => (await box.db.sql<{ cents: number }>`select cents from account`)[0]?.cents

  test('are refused when the lock was lost, and nothing of them is committed', async () => {
    const lock = await locks.acquire('k')
    await add(lock, 1)
    await lapse('k')
    const next = await (await another()).acquire('k')
    await expect(add(lock, 10)).rejects.toMatchObject({ code: 'HF_LOCKS_STALE', retryable: true })
    expect(lock.isHeld).toBe(false)
    await add(next, 100)
    expect(await cents()).toBe(101)
  })

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

  test('a table may require them', async () => {
    await box.db.query(
      `create trigger locked before insert or update or delete on account for each row execute function holdfast.locks_require('account:', 'id')`,
    )
    await expect(box.db.query('update account set cents = 5')).rejects.toMatchObject({ code: 'HF023' })
    const [right, wrong] = [await locks.acquire('account:1'), await locks.acquire('account:2')]
    await expect(add(wrong, 7)).rejects.toMatchObject({ code: 'HF_LOCKS_REQUIRED' })
    await add(right, 7)
    expect(await cents()).toBe(7)
    await box.db.query('drop trigger locked on account')
  })
})

describe('circles', () => {
  test('are ended for the youngest, not by a timeout', async () => {
    const other = await another()
    const outcome = async (first: string, second: string, by: Locks) =>
      await codeOf(
        by.run(first, async () => {
          await expect.poll(async () => (await locks.overview()).filter(({ state }) => state === 'held').length).toBe(2)
          await by.run(second, async () => await Promise.resolve())
        }),
      )
    const startedAt = performance.now()
    const outcomes = await Promise.all([outcome('a', 'b', locks), outcome('b', 'a', other)])
    expect(outcomes.toSorted()).toEqual(['HF_LOCKS_DEADLOCK', 'done'])
    expect(performance.now() - startedAt).toBeLessThan(6_000)
  })

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

  test('of three, one of them with several keys and one shared', async () => {
    const other = await another()
    const [a, b, c] = [await locks.acquire('a'), await other.acquire('b'), await locks.acquire('c', { mode: 'shared' })]
    const outcomes = [
      codeOf(locks.acquire(['b', 'x'], { within: a })),
      codeOf(other.acquire('c', { within: b })),
      codeOf(locks.acquire('a', { within: c, mode: 'shared' })),
    ]
    expect(await Promise.race(outcomes)).toBe('HF_LOCKS_DEADLOCK')
    for (const lock of [a, b, c]) await lock.release()
    await Promise.all(outcomes)
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

test('forty turns of twenty waiters in four processes', async () => {
  const four = [locks, await another(), await another(), await another()]
  let inside = 0
  let last = 0n
  const turn = async (lock: Lock) => {
    expect(++inside).toBe(1)
    expect(lock.fence).toBeGreaterThan(last)
    last = lock.fence
    await new Promise((resolve) => setTimeout(resolve, 2))
    inside--
  }
  const twice = async (by: Locks) => {
    await by.run('hot', turn)
    await by.run('hot', turn)
  }
  await Promise.all(Array.from({ length: 20 }, async (_, n) => await twice(four[n % 4] as Locks)))
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
