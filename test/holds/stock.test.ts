import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import { createHolds, defineStock, type Hold, type Holds } from '../../src/holds/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { runWithout, type Guard } from '../jobs/explore/guards.js'

const tickets = defineStock('tickets')
const places = defineStock('places', { table: 'event', resource: 'id', free: 'places_left' })

let box: TestDatabase
let owner: pg.Client
let holds: Holds
beforeAll(async () => {
  box = await openTestDatabase()
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await box.db.query('create table event (id bigint primary key, places_left int not null)')
  holds = await createHolds(box.db, { from: [tickets, places] })
})
beforeEach(async () => {
  for (const table of ['holdfast.holds_taken', 'holdfast.holds_stock', 'event'])
    await box.db.query(`delete from ${table}`)
  await setTotal(10)
})
afterAll(async () => {
  await holds.close()
  await owner.end()
  await box.close()
})

const setTotal = async (total: number) => await box.db.tx(async (tx) => await holds.setTotal(tx, tickets, 'gig', total))
const hold = async (quantity: number, options = {}) => await holds.hold(tickets, 'gig', { quantity }, options)
const confirm = async (ids: string | string[], options = {}) =>
  await box.db.tx(async (tx) => await holds.confirm(tx, ids, options))
const free = async () => (await holds.totals(tickets, 'gig')).free
const expire = async (held: Hold) =>
  await box.db.query(`update holdfast.holds_taken set expires_at = clock_timestamp() where id = $1`, [held.id])
const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )

test('what is held is taken at once, and comes back when it is released', async () => {
  const held = await hold(4)
  expect(held).toMatchObject({ from: 'tickets', resource: 'gig', quantity: 4, units: null, isNew: true })
  expect(held.expiresAt.getTime() - Date.now()).toBeGreaterThan(590_000)
  expect(await holds.totals(tickets, 'gig')).toEqual({ free: 6, held: 4 })
  expect(await holds.release(held.id)).toBe(1)
  expect(await holds.totals(tickets, 'gig')).toEqual({ free: 10, held: 0 })
  expect(await holds.release(held.id)).toBe(0)
})

test('more than there is is refused with the numbers, and nothing is taken', async () => {
  await hold(8)
  await expect(hold(3)).rejects.toMatchObject({
    code: 'HF_HOLDS_SOLD_OUT',
    status: 409,
    details: { wanted: 3, left: 2 },
  })
  expect(await free()).toBe(2)
})

test('a confirmed hold lasts, exactly if its transaction commits', async () => {
  const [first, second] = [await hold(1), await hold(2)]
  const undone = box.db.tx(async (tx) => {
    await holds.confirm(tx, [first.id, second.id])
    throw new Error('payment failed')
  })
  await expect(undone).rejects.toThrow('payment failed')
  expect(await holds.totals(tickets, 'gig')).toEqual({ free: 7, held: 3 })
  const shown = (held: Hold, wasConfirmed = false) => ({
    id: held.id,
    from: 'tickets',
    resource: 'gig',
    quantity: held.quantity,
    units: null,
    wasConfirmed,
  })
  expect(await confirm([first.id, second.id])).toEqual([shown(first), shown(second)])
  expect(await confirm(first.id)).toEqual([shown(first, true)])
  await expect(confirm(first.id, { ownr: 'a' })).rejects.toMatchObject({ code: 'HF_OPTIONS_UNKNOWN' })
  await expire(first)
  await holds.sweep()
  expect(await holds.totals(tickets, 'gig')).toEqual({ free: 7, held: 0 })
})

test('a late release does not give back what was paid for; a refund says so', async () => {
  const held = await hold(3)
  await confirm(held.id)
  await expect(holds.release(held.id)).rejects.toMatchObject({ code: 'HF_HOLDS_CONFIRMED' })
  expect(await holds.release(held.id, { confirmed: true })).toBe(1)
  expect(await free()).toBe(10)
})

test('a release in a transaction happens exactly if that commits', async () => {
  const held = await hold(3)
  const undone = box.db.tx(async (tx) => {
    expect(await holds.release(tx, held.id)).toBe(1)
    throw new Error('undo')
  })
  await expect(undone).rejects.toThrow('undo')
  expect(await free()).toBe(7)
  await box.db.tx(async (tx) => await holds.release(tx, held.id))
  expect(await free()).toBe(10)
})

describe('what has expired', () => {
  test('is taken back by whoever finds too little left, and by the sweeper', async () => {
    const [first, second] = [await hold(6), await hold(4)]
    await expire(first)
    await hold(5)
    expect(await holds.totals(tickets, 'gig')).toEqual({ free: 1, held: 9 })
    await expire(second)
    await holds.sweep()
    expect(await holds.totals(tickets, 'gig')).toEqual({ free: 5, held: 5 })
  })

  test('cannot be confirmed, whether it was taken back or not', async () => {
    const held = await hold(1)
    await expire(held)
    await expect(confirm(held.id)).rejects.toMatchObject({ code: 'HF_HOLDS_GONE', status: 410 })
    await holds.sweep()
    await expect(confirm(held.id)).rejects.toMatchObject({ code: 'HF_HOLDS_GONE' })
    await expect(confirm('999999')).rejects.toMatchObject({ code: 'HF_HOLDS_GONE' })
  })

  test('while it is being confirmed is passed by, and free again when that is rolled back', async () => {
    const held = await hold(10, { ttlMs: 300 })
    const other = await box.db.connectDirect()
    await other.query('begin')
    await other.query('select * from holdfast.holds_confirm($1, null)', [[held.id]])
    // Its time ends while the buyer's transaction is still open.
    const isOver = async () =>
      (await box.db.query('select 1 from holdfast.holds_taken where expires_at < clock_timestamp()')).rowCount
    await expect.poll(isOver).toBe(1)
    await holds.sweep()
    expect(await codeOf(hold(1))).toBe('HF_HOLDS_SOLD_OUT')
    await other.query('rollback')
    await other.end()
    expect((await hold(1)).isNew).toBe(true)
  })
})

describe('an extended hold', () => {
  const endOf = async (id: string) =>
    (
      await box.db.sql<{ ms: number }>`
      select extract(epoch from expires_at - now())::float8 * 1000 as ms from holdfast.holds_taken where id = ${id}`
    )[0]?.ms

  test('ends later, never earlier, and tells what it is of', async () => {
    const held = await hold(3, { ttlMs: 60_000 })
    const [extended] = await holds.extend(held.id, { ttlMs: 300_000 })
    expect(extended).toMatchObject({ id: held.id, from: 'tickets', resource: 'gig', quantity: 3, isConfirmed: false })
    expect((extended?.expiresAt.getTime() ?? 0) - held.expiresAt.getTime()).toBeGreaterThan(230_000)
    const [kept] = await holds.extend(held.id, { ttlMs: 1 })
    expect(kept?.expiresAt).toEqual(extended?.expiresAt)
    expect(await endOf(held.id)).toBeGreaterThan(290_000)
  })

  test('is extended exactly if the transaction commits; all of several, or none', async () => {
    const [first, second] = [await hold(1), await hold(1)]
    const dies = box.db.tx(async (tx) => {
      await holds.extend(tx, [first.id, second.id], { ttlMs: 3_600_000 })
      throw new Error('no')
    })
    await expect(dies).rejects.toThrow('no')
    await expire(second)
    expect(await codeOf(holds.extend([first.id, second.id], { ttlMs: 3_600_000 }))).toBe('HF_HOLDS_GONE')
    expect(await endOf(first.id)).toBeLessThan(601_000)
  })

  test('is its owner’s; one that was confirmed has no end any more', async () => {
    const held = await hold(1, { owner: 'ada' })
    expect(await codeOf(holds.extend(held.id, { owner: 'bob' }))).toBe('HF_HOLDS_NOT_YOURS')
    await confirm(held.id, { owner: 'ada' })
    expect(await holds.extend(held.id, { owner: 'ada' })).toMatchObject([{ isConfirmed: true }])
    expect(await codeOf(holds.extend(held.id, { ttlMs: 0, owner: 'ada' }))).toBe('HF_OPTIONS_INVALID')
  })
})

describe('keys', () => {
  test('give the same hold, however often and at whatever time it is asked for', async () => {
    const both = await Promise.all([1, 2, 3, 4, 5].map(async () => await hold(2, { key: 'cart', waitMs: 0 })))
    expect(new Set(both.map(({ id }) => id)).size).toBe(1)
    expect(both.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect((await hold(2, { key: 'cart' })).isNew).toBe(false)
    expect(await free()).toBe(8)
    await expect(hold(3, { key: 'cart' })).rejects.toMatchObject({ code: 'HF_HOLDS_KEY_REUSED', status: 422 })
    await confirm(both[0]?.id as string)
    expect((await hold(2, { key: 'cart' })).id).toBe(both[0]?.id)
  })

  test('are free again when their hold has expired or was released', async () => {
    const first = await hold(2, { key: 'cart' })
    await expire(first)
    const second = await hold(3, { key: 'cart' })
    expect(second.isNew).toBe(true)
    expect(await free()).toBe(7)
    await holds.release(second.id)
    expect((await hold(1, { key: 'cart' })).isNew).toBe(true)
  })
})

test('a hold with an owner is confirmed and released by that one alone', async () => {
  const held = await hold(1, { owner: 'ada' })
  const refused = { code: 'HF_HOLDS_NOT_YOURS', status: 403 }
  for (const options of [{}, { owner: 'bob' }]) {
    await expect(confirm(held.id, options)).rejects.toMatchObject(refused)
    await expect(holds.release(held.id, options)).rejects.toMatchObject(refused)
  }
  const nobodys = await hold(1)
  await expect(confirm(nobodys.id, { owner: 'ada' })).rejects.toMatchObject(refused)
  expect(await confirm(held.id, { owner: 'ada' })).toHaveLength(1)
})

describe('many buyers', () => {
  test('share statements and commits, and each is answered for itself', async () => {
    await setTotal(100)
    const before = box.db.stats().query.count
    const wanted = Array.from({ length: 120 }, (_, n) => (n % 10 === 0 ? 1_000 : 1))
    const outcomes = await Promise.all(wanted.map(async (quantity) => await codeOf(hold(quantity))))
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(100)
    expect(outcomes.filter((outcome) => outcome === 'HF_HOLDS_SOLD_OUT')).toHaveLength(20)
    expect(await free()).toBe(0)
    // One flight, then all that came meanwhile; totals is one more.
    expect(box.db.stats().query.count - before).toBeLessThanOrEqual(4)
  })

  test('in several processes buy exactly what there is', async () => {
    await setTotal(57)
    const others = await Promise.all(
      [1, 2, 3].map(async () => {
        const db = await connectTo({ url: box.url, heartbeatMs: 600_000 })
        return { db, holds: await createHolds(db, { from: [tickets] }) }
      }),
    )
    const buyers = others.flatMap(({ holds: each }) =>
      Array.from({ length: 40 }, async () => await codeOf(each.hold(tickets, 'gig', { quantity: 1 }))),
    )
    const outcomes = await Promise.all(buyers)
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(57)
    expect(await free()).toBe(0)
    for (const { db, holds: each } of others) {
      await each.close()
      await db.close()
    }
  })
})

describe('a table of the user’s', () => {
  test('is the stock', async () => {
    await box.db.query('insert into event values (7, 5)')
    const held = await holds.hold(places, '7', { quantity: 3 })
    expect((await box.db.sql`select places_left from event`)[0]).toEqual({ places_left: 2 })
    await expect(holds.hold(places, '7', { quantity: 3 })).rejects.toMatchObject({ code: 'HF_HOLDS_SOLD_OUT' })
    await expect(holds.hold(places, '8', { quantity: 1 })).rejects.toMatchObject({
      code: 'HF_HOLDS_UNKNOWN',
      status: 404,
    })
    expect(await holds.totals(places, '7')).toEqual({ free: 2, held: 3 })
    await holds.release(held.id)
    expect((await box.db.sql`select places_left from event`)[0]).toEqual({ places_left: 5 })
    await expect(box.db.tx(async (tx) => await holds.setTotal(tx, places, '7', 1))).rejects.toMatchObject({
      code: 'HF_HOLDS_SOURCE',
    })
  })

  test('or a column that is not there is told at the start, and a name that means something else', async () => {
    const make = async (table: string, free: string, name = 'other') =>
      await createHolds(box.db, { from: [defineStock(name, { table, resource: 'id', free })] })
    for (const [table, free, name] of [
      ['nowhere', 'x'],
      ['event', 'seats'],
      ['event; drop table event', 'id'],
      ['holdfast.holds_stock', 'free', 'places'],
    ] as const)
      expect(await codeOf(make(table, free, name))).toBe('HF_HOLDS_SOURCE')
  })
})

test('a table that is gone keeps nobody else’s holds', async () => {
  await box.db.query('create table doomed (id int primary key, free int)')
  await box.db.query('insert into doomed values (1, 5)')
  const doomed = defineStock('doomed', { table: 'doomed', resource: 'id', free: 'free' })
  const others = await createHolds(box.db, { from: [doomed, tickets] })
  await others.hold(doomed, '1', { quantity: 1 }, { ttlMs: 1 })
  await expire(await hold(3))
  await box.db.query('drop table doomed')
  await holds.sweep()
  expect(await holds.totals(tickets, 'gig')).toEqual({ free: 10, held: 0 })
  await others.close()
})

test('a total is never less than what is taken', async () => {
  await hold(6)
  await setTotal(8)
  expect(await free()).toBe(2)
  await expect(setTotal(5)).rejects.toMatchObject({ code: 'HF_HOLDS_SOLD_OUT' })
  expect(await free()).toBe(2)
})

test('what makes no sense is refused before anything is sent', async () => {
  const before = box.db.stats().query.count
  for (const quantity of [0, -1, 1.5, Number.NaN, Infinity, 1e9, '2' as never])
    await expect(hold(quantity)).rejects.toMatchObject({ code: 'HF_HOLDS_REQUEST', status: 422 })
  for (const options of [{ key: '' }, { key: 'x'.repeat(201) }, { owner: 'a\u0000' }, { key: '\ud800' }])
    await expect(hold(1, options)).rejects.toMatchObject({ code: 'HF_HOLDS_REQUEST' })
  await expect(hold(1, { ttlMs: 0 })).rejects.toMatchObject({ code: 'HF_OPTIONS_INVALID' })
  await expect(holds.hold(tickets, '', { quantity: 1 })).rejects.toMatchObject({ code: 'HF_HOLDS_REQUEST' })
  await expect(holds.hold(tickets, 'gig', { any: 1 } as never)).rejects.toMatchObject({ code: 'HF_HOLDS_REQUEST' })
  await expect(holds.hold(defineStock('unknown'), 'gig', { quantity: 1 })).rejects.toMatchObject({
    code: 'HF_HOLDS_UNKNOWN',
  })
  expect(box.db.stats().query.count).toBe(before)
})

test('who has left holds nothing', async () => {
  const caller = new AbortController()
  const leaving = hold(3, { signal: caller.signal })
  caller.abort(new Error('closed the tab'))
  await expect(leaving).rejects.toThrow('closed the tab')
  // The flight that it had joined has gone when the next one is back.
  await holds.release((await hold(1)).id)
  await expect.poll(async () => await holds.totals(tickets, 'gig')).toEqual({ free: 10, held: 0 })
})

describe('without its guards', () => {
  const lock: Guard = { in: 'holds_take_stock', text: 'where %I = %L for no key update', without: 'where %I = %L' }

  // Without keys holds are written down before the row is locked, and this decides.
  const condition: Guard = {
    in: 'holds_take_stock',
    text: 'and %I >= $1 returning',
    without: 'and %I is not null returning',
  }

  /** Two flights that look before either takes. */
  async function race(from: typeof tickets, resource: string, hasKeys: boolean): Promise<(string | undefined)[]> {
    const blocker = await box.db.connectDirect()
    await blocker.query('begin')
    await blocker.query('lock table holdfast.holds_taken in exclusive mode')
    const others = await Promise.all(
      [1, 2].map(async () => {
        const db = await connectTo({ url: box.url, heartbeatMs: 600_000 })
        return { db, holds: await createHolds(db, { from: [tickets, places] }) }
      }),
    )
    const buying = others.map(
      async ({ holds: each }, n) =>
        await codeOf(each.hold(from, resource, { quantity: 6 }, hasKeys ? { key: `buyer:${n}` } : {})),
    )
    const waits = async () =>
      (
        await box.db.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '/* holdfast:holds.take-stock%' and backend_type = 'client backend'`,
        )
      ).rowCount
    await expect.poll(waits).toBe(2)
    await blocker.query('commit')
    await blocker.end()
    const outcomes = await Promise.all(buying)
    for (const { db, holds: each } of others) {
      await each.close()
      await db.close()
    }
    return outcomes.toSorted()
  }

  describe.each([
    { name: 'with keys', hasKeys: true, guard: lock },
    { name: 'without keys', hasKeys: false, guard: condition },
  ])('$name', ({ hasKeys, guard }) => {
    test('with them one of two is told that it is too late', async () => {
      expect(await race(tickets, 'gig', hasKeys)).toEqual(['HF_HOLDS_SOLD_OUT', 'done'])
    })

    test('without it the check is the last line', async () => {
      const outcomes = await runWithout(owner, guard, async () => await race(tickets, 'gig', hasKeys))
      expect(outcomes).toEqual(['23514', 'done'])
      expect(await free()).toBe(4)
    })

    test('without both more is sold than there is', async () => {
      await box.db.query('insert into event values (7, 10)')
      const outcomes = await runWithout(owner, guard, async () => await race(places, '7', hasKeys))
      expect(outcomes).toEqual(['done', 'done'])
      expect((await box.db.sql`select places_left from event`)[0]).toEqual({ places_left: -2 })
    })
  })
})
