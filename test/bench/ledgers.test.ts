import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  openHeldSeats,
  openHeldStock,
  openOrderedSeats,
  openOrderedStock,
  type OpenLedger,
} from '../../bench/src/contests/holds/ledgers.js'
import { createHolds, defineStock, defineUnits } from '../../src/holds/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

const INEXACT = /were sold, and the tables say/
const stock = defineStock('stock', { table: 'bench_stock', resource: 'id', free: 'free' })
const seats = defineUnits('seats', { table: 'bench_seats', resource: 'event_id', unit: 'id', hold: 'taken_by' })

let database: TestDatabase
let owner: pg.Client
beforeAll(async () => {
  database = await openTestDatabase()
  owner = new pg.Client({ connectionString: database.ownerUrl })
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await database.close()
})

test.each([
  {
    kind: 'stock',
    open: openOrderedStock,
    sell: `with taken as (update bench_stock set free = free - 1) insert into bench_stock_orders (stock_id, quantity) values (7, 1)`,
    oversell: `insert into bench_stock_orders (stock_id, quantity) values (7, 1)`,
    lose: `update bench_stock set free = free - 1`,
  },
  {
    kind: 'seats',
    open: openOrderedSeats,
    sell: `with taken as (update bench_seats set taken_by = 1 where id = 101) insert into bench_seat_orders (id, seat_id) values (1, 101)`,
    oversell: `insert into bench_seat_orders (id, seat_id) values (2, 101)`,
    lose: `update bench_seats set taken_by = 2 where id = 102`,
  },
])('a $kind that was oversold is seen, and one that lost an order', async ({ open, sell, oversell, lose }) => {
  for (const [wrong, sold] of [
    [oversell, 2],
    [lose, 1],
  ] as const) {
    const ledger = await openFresh(open)
    await owner.query(sell)
    await ledger.verify(1)
    await expect(ledger.verify(2)).rejects.toThrow(INEXACT)
    await owner.query(wrong)
    await expect(ledger.verify(sold)).rejects.toThrow(INEXACT)
    await ledger.close()
  }
})

test('what is held is what the tables say', async () => {
  const ofStock = await openFresh(openHeldStock)
  const ofSeats = await openFresh(openHeldSeats)
  await owner.query('grant all on bench_stock, bench_seats to public')
  const holds = await createHolds(database.db, { from: [stock, seats] })
  await holds.hold(stock, '7', { quantity: 1 })
  await ofStock.verify(1)
  await ofStock.reset()
  await holds.hold(seats, '7', { any: 1 })
  await ofSeats.verify(1)
  await owner.query('update holdfast.holds_taken set units = $1', [['102']])
  await expect(ofSeats.verify(1)).rejects.toThrow(INEXACT)
  await holds.close()
  await ofStock.close()
  await ofSeats.close()
})

async function openFresh(open: OpenLedger) {
  const ledger = await open(database.ownerUrl, { free: 100, sold: 100 })
  await ledger.reset()
  await ledger.verify(0)
  return ledger
}
