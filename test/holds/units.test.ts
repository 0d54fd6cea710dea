import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import { createHolds, defineUnits, type Hold, type Holds } from '../../src/holds/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

const rooms = defineUnits('rooms')
const seats = defineUnits('seats', { table: 'seat', resource: 'event_id', unit: 'id', hold: 'hold_id' })

let box: TestDatabase
let holds: Holds
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query(`create table seat (id bigint primary key, event_id bigint not null, hold_id bigint)`)
  await box.db.query('create table item (seat_id bigint references seat)')
  holds = await createHolds(box.db, { from: [rooms, seats] })
})
beforeEach(async () => {
  await box.db.query('truncate seat, item')
  for (const table of ['holds_taken', 'holds_units']) await box.db.query(`delete from holdfast.${table}`)
  await box.db.query('insert into seat select n, 7, null from generate_series(1, 20) n')
})
afterAll(async () => {
  await holds.close()
  await box.close()
})

const pick = async (...units: (string | number)[]) => await holds.hold(seats, '7', { units: units.map(String) })
const any = async (amount: number, options = {}) => await holds.hold(seats, '7', { any: amount }, options)
const freeSeats = async () =>
  (await box.db.sql<{ id: string }>`select id from seat where hold_id is null order by id`).map(({ id }) => Number(id))
const expire = async ({ id }: Hold) =>
  await box.db.query('update holdfast.holds_taken set expires_at = clock_timestamp() where id = $1', [id])

test('named units are held all or none, and the refusal names those that are not free', async () => {
  const held = await pick(3, 1)
  expect(held).toMatchObject({ from: 'seats', resource: '7', quantity: 2, units: ['3', '1'] })
  await expect(pick(1, 2)).rejects.toMatchObject({ code: 'HF_HOLDS_TAKEN', status: 409, details: { units: ['1'] } })
  await expect(pick(4, 99)).rejects.toMatchObject({ code: 'HF_HOLDS_TAKEN', details: { units: ['99'] } })
  expect(await freeSeats()).toHaveLength(18)
  await holds.release(held.id)
  expect(await freeSeats()).toHaveLength(20)
})

test('any units: so many of those that are free, or none', async () => {
  const held = await any(19)
  expect(held.units).toHaveLength(19)
  await expect(any(2)).rejects.toMatchObject({ code: 'HF_HOLDS_SOLD_OUT', details: { wanted: 2, left: 1 } })
  expect(await any(1)).toMatchObject({ quantity: 1 })
  expect(await holds.totals(seats, '7')).toEqual({ free: 0, held: 20 })
})

test('at once, named and any, never the same one twice', async () => {
  const outcomes = await Promise.allSettled([pick(1, 2), pick(2, 3), any(5), pick(3, 4), any(9), pick(20), any(30)])
  const units = outcomes.flatMap((each) => (each.status === 'fulfilled' ? (each.value.units ?? []) : []))
  expect(new Set(units).size).toBe(units.length)
  expect(await freeSeats()).toHaveLength(20 - units.length)
  const { rows } = await box.db.query(
    'select hold_id, count(*)::int as seats from seat where hold_id is not null group by hold_id order by 1',
  )
  const held = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  expect(rows).toEqual(
    held.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ id, quantity }) => ({ hold_id: id, seats: quantity })),
  )
})

test('in several processes all seats are sold, each once', async () => {
  await box.db.query('insert into seat select n, 7, null from generate_series(21, 100) n')
  const others = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const db = await connectTo({ url: box.url, heartbeatMs: 600_000 })
      return { db, holds: await createHolds(db, { from: [seats] }) }
    }),
  )
  const buying = others.flatMap(({ holds: each }) =>
    Array.from({ length: 30 }, async () => await each.hold(seats, '7', { any: 1 }).catch(() => undefined)),
  )
  const sold = (await Promise.all(buying)).flatMap((held) => held?.units ?? [])
  expect(sold).toHaveLength(100)
  expect(new Set(sold).size).toBe(100)
  for (const { db, holds: each } of others) {
    await each.close()
    await db.close()
  }
})

test('what has expired is taken back by whoever wants it, by name or not, whole', async () => {
  const first = await pick(1, 2, 3)
  await expire(first)
  expect((await pick(2)).units).toEqual(['2'])
  expect(await freeSeats()).toHaveLength(19)
  const second = await any(19)
  await expire(second)
  expect((await any(19)).isNew).toBe(true)
})

test('a key gives the same units again', async () => {
  const [first, again] = [await any(2, { key: 'cart' }), await any(2, { key: 'cart' })]
  expect(again).toMatchObject({ id: first.id, units: first.units, isNew: false })
  await expect(any(3, { key: 'cart' })).rejects.toMatchObject({ code: 'HF_HOLDS_KEY_REUSED' })
  const both = await Promise.all([1, 2, 3].map(async () => await any(1, { key: 'other' })))
  expect(new Set(both.map(({ id }) => id)).size).toBe(1)
})

describe('units that somebody else has locked', () => {
  test('are waited for, and had when that one does not take them', async () => {
    const other = await box.db.connectDirect()
    await other.query('begin')
    await other.query('select from seat where id <= 20 for update')
    const waiting = [pick(5), any(1)]
    await expect.poll(async () => (await box.db.sql`select 1 from holdfast.holds_taken`).length).toBe(0)
    await other.query('rollback')
    for (const held of await Promise.all(waiting)) expect(held.isNew).toBe(true)
    await other.query('begin')
    await other.query('select from seat for update')
    await expect(holds.hold(seats, '7', { units: ['9'] }, { waitMs: 30 })).rejects.toMatchObject({
      code: 'HF_HOLDS_TAKEN',
    })
    await expect(any(1, { waitMs: 30 })).rejects.toMatchObject({ code: 'HF_HOLDS_SOLD_OUT' })
    await other.query('rollback')
    await other.end()
  })

  test('by a row that refers to them are free all the same', async () => {
    const other = await box.db.connectDirect()
    await other.query('begin')
    await other.query('insert into item values (5)')
    expect((await holds.hold(seats, '7', { units: ['5'] }, { waitMs: 0 })).units).toEqual(['5'])
    await other.query('rollback')
    await other.end()
  })
})

test('units without a table of the user’s', async () => {
  const add = async (...names: string[]) =>
    await box.db.tx(async (tx) => await holds.addUnits(tx, rooms, 'hotel', names))
  expect([await add('101', '102'), await add('102', '103')]).toEqual([2, 1])
  const held = await holds.hold(rooms, 'hotel', { units: ['102'] })
  const [confirmed] = await box.db.tx(async (tx) => await holds.confirm(tx, held.id))
  expect(confirmed).toEqual({
    id: held.id,
    from: 'rooms',
    resource: 'hotel',
    quantity: 1,
    units: ['102'],
    wasConfirmed: false,
  })
  expect((await holds.hold(rooms, 'hotel', { any: 2 })).units).toEqual(['101', '103'])
  expect(await holds.totals(rooms, 'hotel')).toEqual({ free: 0, held: 2 })
})

test('what makes no sense is refused', async () => {
  for (const what of [
    { units: [] },
    { units: ['1', '1'] },
    { units: [''] },
    { any: 0 },
    { any: 1_001 },
    { quantity: 1 },
  ])
    await expect(holds.hold(seats, '7', what as never)).rejects.toMatchObject({ code: 'HF_HOLDS_REQUEST' })
})
