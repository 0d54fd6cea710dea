import { describe, expect, test } from 'vitest'
import { describeRepeat, findRepeats, parseLookup } from '../../src/watch/data-shape/index.js'
import { Growth } from '../../src/watch/data-shape/growth.js'
import { isUnbounded } from '../../src/watch/data-shape/limits.js'
import { overflow, several } from '../../src/watch/parser.js'

describe('a limit', () => {
  test.each([
    'select * from orders',
    'with o as (select * from orders) select * from o order by id',
    'select id, (select label from tags where order_id = o.id limit $1) from orders o',
    'select * from orders o cross join lateral (select * from tags where order_id = o.id limit $1) t',
    'select * from orders where exists (select from tags limit $1)',
    `select 'limit 5' as "limit" from orders -- limit 3`,
    '(select * from orders) union all (select * from old_orders)',
    '/* limit 1 */ table orders',
  ])('is missing: %s', (text) => expect(isUnbounded(text)).toBe(true))

  test.each([
    'select * from orders limit $1',
    'select * from orders order by id fetch first $1 rows only',
    'with o as (select * from orders limit $1) select * from o join tags on true',
    'select * from (select * from orders limit $1) o left join tags t on t.order_id = o.id',
    'select * from tags where order_id in (select id from orders limit $1)',
    '(select * from orders) limit $1',
    'update orders set note = $1 returning *',
    'fetch forward $1 from c',
    'insert into orders select * from old_orders returning id',
    '',
  ])('is there, or nothing is read: %s', (text) => expect(isUnbounded(text)).toBe(false))
})

describe('growth', () => {
  test('is steady only where each time has more than the one before', () => {
    const grow = (rowsAt: (n: number) => number) => {
      const growth = new Growth()
      for (let n = 0; n < 300; n++) {
        growth.record(rowsAt(n), 100)
        growth.recordAt(rowsAt(n), n * 20_000)
      }
      return growth
    }
    expect(grow((n) => 1_000 + 10 * n).steady).toMatchObject({ to: expect.any(Number) })
    expect(grow(() => 5_000).steady).toBeUndefined()
    expect(grow((n) => 1_000 + ((n * 7_919) % 5_000)).steady).toBeUndefined()
    expect(grow((n) => 50 + n).steady).toBeUndefined()
    const usual = grow((n) => (n === 200 ? 9_000 : 100))
    expect(usual).toMatchObject({ mostRows: 9_000, isLarge: false, calls: 300 })
    expect(usual.medianRows).toBeGreaterThan(60)
    expect(usual.medianRows).toBeLessThan(140)
  })
})

describe('statements that a request repeats', () => {
  const load = { id: '7', text: 'select * from tags where order_id = $1' }
  const sightings = (amount: number, statement = load, apart = 2) =>
    Array.from({ length: amount }, (_, n) => ({ statement, ms: 1, endedAt: (n + 1) * apart }))

  test('are those of ten calls; transactions, ours and unknown ones are not looked at', () => {
    expect(findRepeats(sightings(9), 20)).toEqual([])
    for (const statement of [
      overflow,
      several,
      { id: '8', text: 'begin' },
      { id: '9', text: 'select holdfast.locks_take($1)' },
    ])
      expect(findRepeats(sightings(50, statement), 100)).toEqual([])
    expect(findRepeats([...sightings(10), ...sightings(5, { id: '8', text: 'select 1' })], 40)).toMatchObject([
      { statement: load, calls: 10, totalMs: 10, isSequential: true },
    ])
  })

  test('one after the other, or at once: by when they ended, else by their sum', () => {
    expect(findRepeats(sightings(20, load, 0.1), 5)).toMatchObject([{ isSequential: false }])
    const bare = sightings(20).map(({ statement, ms }) => ({ statement, ms }))
    expect(findRepeats(bare, 25)).toMatchObject([{ isSequential: true }])
    expect(findRepeats(bare, 5)).toMatchObject([{ isSequential: false }])
  })

  test('are a finding with its figures and its fix', () => {
    const [repeat] = findRepeats(sightings(60), 80)
    expect(repeat && describeRepeat(repeat, 'GET /orders', 80)).toMatchObject({
      severity: 'act',
      sentence:
        'A request ran one statement 60 times, one after the other: tags by order_id. That took 60 ms of its 80 ms.',
      fix: 'Load them in one statement: where order_id = any($1), with the keys as an array, and group the rows by order_id.',
      prove: 'holdfast prove n-plus-one',
    })
  })

  test.each([
    [
      'select * from tags where order_id = $1 order by at desc limit $2',
      { table: 'tags', key: 'order_id', hasLimit: true },
    ],
    ['select "t"."id" from "shop"."tags" as "t" where "t"."order_id" = $1', { table: 'tags', key: 'order_id' }],
    ['select * from tags where order_id in ($1)', { key: 'order_id' }],
    ['select * from tags where id > $1', { key: undefined }],
    ['insert into tags (id) values ($1)', { table: 'tags', key: undefined, isWriting: true }],
    ['update tags set label = $1 where id = $2', { table: 'tags', isWriting: true }],
    ['select now()', { table: undefined, key: undefined }],
    [
      'SELECT "Order"."id" AS "Order_id", "Order__Order_items"."id" AS "Order__Order_items_id" FROM "order" "Order" LEFT JOIN "item" "Order__Order_items" ON "Order__Order_items"."order_id"="Order"."id" WHERE (("Order"."id" = $1))',
      { table: 'order', key: 'id', orm: 'TypeORM', relation: 'Order.items' },
    ],
    [
      'SELECT "items"."id" AS "items_id" FROM "item" "items" WHERE "items"."order_id" = $1',
      { table: 'item', orm: 'TypeORM', key: 'order_id' },
    ],
    [
      'SELECT "public"."Item"."id" FROM "public"."Item" WHERE "public"."Item"."orderId" = $1 OFFSET $2',
      { table: 'Item', orm: 'Prisma', key: 'orderId' },
    ],
    [
      'SELECT "t0"."id" FROM "public"."Item" AS "t0" WHERE "t0"."orderId" = $1',
      { table: 'Item', orm: 'Prisma', key: 'orderId' },
    ],
    [
      `select (select coalesce(json_agg(agg), '[]') from (select id from pets) as agg) from "person" where "id" = $1`,
      { key: 'id' },
    ],
  ])('are read: %s', (text, expected) => expect(parseLookup(text)).toMatchObject(expected))
})
