import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Lock, Locks } from '../../src/locks/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { kinds, type Place } from './places.js'

// What every back end promises; what only one of them has is in files of its own.

const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )

for (const { name, isThere, start } of kinds)
  describe.skipIf(!isThere)(name, () => {
    let box: TestDatabase
    let place: Place
    let locks: Locks
    let other: Locks
    beforeAll(async () => {
      box = await openTestDatabase()
      place = await start(box)
      await box.db.query('create table account (id int primary key, cents int not null)')
    })
    beforeEach(async () => {
      await box.db.query('truncate account')
      await box.db.query('insert into account values (1, 0)')
      locks = await place.open()
      other = await place.open()
    })
    afterEach(async () => {
      await place.closeAll()
      expect(await place.countLeft()).toBe(0)
    })
    afterAll(async () => {
      await place.close()
      await box.close()
    })

    const isWaiting = async (key: string, amount: number) =>
      await expect
        .poll(async () => (await locks.overview(key)).filter(({ state }) => state === 'waiting').length)
        .toBe(amount)
    const add = async (lock: Lock, cents: number) =>
      await lock.fenced(async (tx) => await tx.sql`update account set cents = cents + ${cents} where id = 1`)
    const readCents = async () => (await box.db.sql<{ cents: number }>`select cents from account`)[0]?.cents

    test('a lock is held by one, and handed on with a higher fence', async () => {
      const first = await locks.acquire('k')
      expect(first).toMatchObject({ keys: ['k'], mode: 'exclusive', isHeld: true })
      expect(await other.tryAcquire('k')).toBeUndefined()
      const waiting = other.acquire('k')
      await isWaiting('k', 1)
      await first.release()
      expect(first.isHeld).toBe(false)
      const second = await waiting
      expect(second.fence).toBeGreaterThan(first.fence)
      expect(first.signal.aborted).toBe(false)
      await first.release()
      expect(second.isHeld).toBe(true)
    })

    test('who asks first gets it first, over processes', async () => {
      const all = [locks, other, await place.open()]
      const holder = await locks.acquire('k')
      const order: number[] = []
      const waiting: Promise<void>[] = []
      for (let n = 0; n < 9; n++) {
        waiting.push((all[n % 3] as Locks).run('k', async () => void order.push(n)))
        await isWaiting('k', n + 1)
      }
      await holder.release()
      await Promise.all(waiting)
      expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    })

    test('shared ones hold together; an exclusive one that waits is not overtaken', async () => {
      const [a, b] = [await locks.acquire('k', { mode: 'shared' }), await other.acquire('k', { mode: 'shared' })]
      const order: string[] = []
      const writer = locks.run('k', async () => void order.push('writer'))
      await isWaiting('k', 1)
      expect(await other.tryAcquire('k', { mode: 'shared' })).toBeUndefined()
      const readers = [1, 2].map(
        async () => await other.run('k', async () => void order.push('reader'), { mode: 'shared' }),
      )
      await isWaiting('k', 3)
      await a.release()
      expect(order).toEqual([])
      await b.release()
      await Promise.all([writer, ...readers])
      expect(order).toEqual(['writer', 'reader', 'reader'])
    })

    test('several keys are held together, whatever their order is, and waited for until the last is free', async () => {
      const inside = new Map<string, number>()
      const turns = Array.from({ length: 20 }, async (_, n) => {
        const keys = n % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'a']
        await (n % 3 === 0 ? other : locks).run(keys, async () => {
          for (const key of keys) {
            expect(inside.get(key) ?? 0).toBe(0)
            inside.set(key, 1)
          }
          await new Promise((resolve) => setTimeout(resolve, 1))
          for (const key of keys) inside.set(key, 0)
        })
      })
      await Promise.all(turns)
      const [a, b] = [await locks.acquire('a'), await locks.acquire('b')]
      let isHad = false
      const both = other.acquire(['b', 'a']).then((lock) => ((isHad = true), lock))
      await isWaiting('a', 1)
      await a.release()
      expect(await other.tryAcquire('b')).toBeUndefined()
      expect(isHad).toBe(false)
      await b.release()
      expect(await both).toMatchObject({ keys: ['a', 'b'], isHeld: true })
    })

    test('waiting ends after waitMs, with the signal, and when the locks are closed, and leaves no place behind', async () => {
      const holder = await locks.acquire('k')
      await expect(other.acquire('k', { waitMs: 50 })).rejects.toMatchObject({
        code: 'HF_LOCKS_TIMEOUT',
        retryable: true,
        details: { waitMs: 50 },
      })
      const caller = new AbortController()
      const aborted = other.acquire('k', { signal: caller.signal })
      const closing = await place.open()
      const closed = codeOf(closing.acquire('k'))
      await isWaiting('k', 2)
      caller.abort(new Error('gone'))
      await expect(aborted).rejects.toThrow('gone')
      await closing.close()
      expect(await closed).toBe('HF_LOCKS_CLOSED')
      await isWaiting('k', 0)
      await holder.release()
      expect(await other.tryAcquire('k')).toBeDefined()
    })

    test('a lease goes on by itself', async () => {
      const lock = await locks.acquire('k', { ttlMs: 300 })
      const endsAt = performance.now() + 1_000
      while (performance.now() < endsAt) expect(await other.tryAcquire('k')).toBeUndefined()
      expect(lock.isHeld).toBe(true)
    })

    test('a process that was thought dead loses what it holds, is told, and begins anew', async () => {
      const lock = await locks.acquire('k', { ttlMs: 600 })
      await place.lapse('k')
      const next = await other.acquire('k')
      await expect.poll(() => lock.signal.aborted).toBe(true)
      expect(lock.signal.reason).toMatchObject({ code: 'HF_LOCKS_LOST' })
      expect(next.fence).toBeGreaterThan(lock.fence)
      await next.release()
      expect((await locks.acquire('k')).fence).toBeGreaterThan(next.fence)
    })

    test('a write behind a fence is refused when the lock was lost, and nothing of it is committed', async () => {
      const lock = await locks.acquire('k')
      await add(lock, 1)
      await place.lapse('k')
      const next = await other.acquire('k')
      await expect(add(lock, 10)).rejects.toMatchObject({ code: 'HF_LOCKS_STALE', retryable: true })
      expect(lock.isHeld).toBe(false)
      await add(next, 100)
      expect(await readCents()).toBe(101)
    })

    test('shared holders may write behind their fences beside each other, until an exclusive one has been there', async () => {
      const lock = await locks.acquire('k', { mode: 'shared' })
      const beside = await other.acquire('k', { mode: 'shared' })
      await add(lock, 1)
      await add(beside, 1)
      await beside.release()
      await place.lapse('k')
      const next = await other.acquire('k')
      await expect(add(lock, 10)).rejects.toMatchObject({ code: 'HF_LOCKS_STALE' })
      await add(next, 100)
      expect(await readCents()).toBe(102)
    })

    test('a guarded write that is under way keeps the lock until it has ended', async () => {
      const lock = await locks.acquire('k')
      let goOn!: () => void
      const paused = new Promise<void>((resolve) => (goOn = resolve))
      let hasBegun!: () => void
      const begun = new Promise<void>((resolve) => (hasBegun = resolve))
      await place.lapse('k')
      const writing = lock.fenced(async (tx) => {
        hasBegun()
        await paused
        await tx.query('update account set cents = cents + 1')
      })
      await begun
      let isHad = false
      const next = other.acquire('k').then((had) => ((isHad = true), had))
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(isHad).toBe(false)
      goOn()
      await writing
      await add(await next, 10)
      expect(await readCents()).toBe(11)
    })

    test('a table may require the lock', async () => {
      await box.db.query(
        `create trigger locked before insert or update or delete on account for each row execute function holdfast.locks_require('account:', 'id')`,
      )
      await expect(box.db.query('update account set cents = 5')).rejects.toMatchObject({ code: 'HF023' })
      const [right, wrong] = [await locks.acquire('account:1'), await locks.acquire('account:2')]
      await expect(add(wrong, 7)).rejects.toMatchObject({ code: 'HF_LOCKS_REQUIRED' })
      await add(right, 7)
      expect(await readCents()).toBe(7)
      await box.db.query('drop trigger locked on account')
    })

    test('circles are ended for the youngest, not by a timeout', async () => {
      const outcome = async (first: string, second: string, by: Locks) =>
        await codeOf(
          by.run(first, async () => {
            await expect
              .poll(async () => (await locks.overview()).filter(({ state }) => state === 'held').length)
              .toBe(2)
            await by.run(second, async () => await Promise.resolve())
          }),
        )
      const startedAt = performance.now()
      const outcomes = await Promise.all([outcome('a', 'b', locks), outcome('b', 'a', other)])
      expect(outcomes.toSorted()).toEqual(['HF_LOCKS_DEADLOCK', 'done'])
      expect(performance.now() - startedAt).toBeLessThan(6_000)
    })

    test('a circle of three is found, one of them with several keys and one shared', async () => {
      const [a, b, c] = [
        await locks.acquire('a'),
        await other.acquire('b'),
        await locks.acquire('c', { mode: 'shared' }),
      ]
      const outcomes = [
        codeOf(locks.acquire(['b', 'x'], { within: a })),
        codeOf(other.acquire('c', { within: b })),
        codeOf(locks.acquire('a', { within: c, mode: 'shared' })),
      ]
      expect(await Promise.race(outcomes)).toBe('HF_LOCKS_DEADLOCK')
      for (const lock of [a, b, c]) await lock.release()
      await Promise.all(outcomes)
    })

    test('who holds and who waits is told, with what they said of themselves', async () => {
      const named = await place.open({ name: 'worker 7' })
      await named.acquire('k', { label: 'export', ttlMs: 20_000 })
      const waiting = codeOf(other.acquire('k', { mode: 'shared', waitMs: 400 }))
      await isWaiting('k', 1)
      const [held, waits] = await locks.overview('k')
      expect(held).toMatchObject({ key: 'k', state: 'held', mode: 'exclusive', owner: 'worker 7', label: 'export' })
      expect(held?.leaseEndsAt?.getTime()).toBeGreaterThan(Date.now() + 10_000)
      expect(waits).toMatchObject({ key: 'k', state: 'waiting', mode: 'shared', heldAt: null })
      expect(await waiting).toBe('HF_LOCKS_TIMEOUT')
    })

    test('forty turns of twenty waiters in four processes', async () => {
      const four = [locks, other, await place.open(), await place.open()]
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
  })
