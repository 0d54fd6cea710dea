import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  analyseShape,
  lookQuickly,
  readShape,
  type DataShape,
  type ResultLike,
  type TableInfo,
} from '../../src/watch/data-shape/index.js'

const ORDERS = 101
const ITEMS = 102
const TAGS = 103
const CUSTOMERS = 104
const tables: ReadonlyMap<number, TableInfo> = new Map(
  Object.entries({ [ORDERS]: 'orders', [ITEMS]: 'items', [TAGS]: 'tags', [CUSTOMERS]: 'customers' }).map(
    ([id, name]) => [Number(id), { name, keys: [[1]] }],
  ),
)
const field = (name: string, tableID: number, columnID = 1) => ({ name, tableID, columnID })
const joined = [
  field('order_id', ORDERS),
  field('note', ORDERS, 2),
  field('item_id', ITEMS),
  field('tag_id', TAGS),
  field('label', TAGS, 2),
]

/** A parent with so many items and so many tags, as an inner join has them. */
interface Parent {
  items: number
  tags: number
}

type Layout = 'items first' | 'tags first' | 'shuffled'

function joinParents(parents: readonly Parent[], layout: Layout = 'items first', isOfArrays = false): ResultLike {
  let [item, tag] = [0, 0]
  const rows: Record<string, unknown>[] = []
  for (const [order, { items, tags }] of parents.entries()) {
    const [firstItem, firstTag] = [item, tag]
    for (let n = 0; n < items * tags; n++) {
      const [i, t] = layout === 'tags first' ? [n % items, Math.floor(n / items)] : [Math.floor(n / tags), n % tags]
      rows.push({ order_id: order, note: 'a note', item_id: firstItem + i, tag_id: firstTag + t, label: `label ${t}` })
    }
    item += items
    tag += tags
  }
  if (layout === 'shuffled') rows.sort((a, b) => hash(a) - hash(b))
  return { fields: joined, rows: isOfArrays ? rows.map((row) => Object.values(row)) : rows }
}

function hash(row: Record<string, unknown>): number {
  return Math.imul(Number(row['item_id']) * 8_191 + Number(row['tag_id']) + 1, 0x9e3779b1) >>> 0
}

function exactFactor(parents: readonly Parent[]): number {
  const sum = (count: (parent: Parent) => number) => parents.reduce((all, parent) => all + count(parent), 0)
  const most = Math.max(
    sum(({ items }) => items),
    sum(({ tags }) => tags),
  )
  return sum(({ items, tags }) => items * tags) / most
}

const analyse = (result: ResultLike, limits = {}, known = tables) =>
  analyseShape(result, readShape(result), known, limits) as DataShape
const repeat = <T>(amount: number, value: T): T[] => Array.from({ length: amount }, () => value)

describe('rows that are multiplied', () => {
  test('200 orders of 20 items and 5 tags: by 5, told from 500 rows', () => {
    for (const layout of ['items first', 'tags first'] as const) {
      const shape = analyse(joinParents(repeat(200, { items: 20, tags: 5 }), layout))
      expect(shape).toMatchObject({
        rows: 20_000,
        lookedAt: 500,
        keysLookedAt: 500,
        factor: 5,
        error: 0,
        isCertain: true,
      })
      expect(shape.children.toSorted()).toEqual([1, 2])
      expect(shape.parent).toBe(0)
      expect(shape.sources.map(({ repeat }) => repeat)).toEqual([100, 5, 20])
      expect(shape.wastedShare).toBeGreaterThan(0.9)
    }
  })

  test('whatever the rows’ order and kind, the factor is within 2 %', () => {
    const parent = fc.record({ items: fc.integer({ min: 1, max: 12 }), tags: fc.integer({ min: 1, max: 8 }) })
    const layout = fc.constantFrom<Layout>('items first', 'tags first', 'shuffled')
    fc.assert(
      fc.property(
        fc.array(parent, { minLength: 10, maxLength: 250 }),
        layout,
        fc.boolean(),
        (parents, layout, isOfArrays) => {
          const exact = exactFactor(parents)
          const shape = analyse(joinParents(parents, layout, isOfArrays))
          if (exact < 1.3) return
          expect(Math.abs(shape.factor / exact - 1)).toBeLessThanOrEqual(0.02)
          expect(shape.isCertain).toBe(true)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('the error that is told is about the one that is made', () => {
    const outside = { runs: 0, beyond: 0 }
    const parent = fc.record({ items: fc.integer({ min: 1, max: 6 }), tags: fc.integer({ min: 1, max: 6 }) })
    fc.assert(
      fc.property(fc.array(parent, { minLength: 300, maxLength: 300 }), (parents) => {
        const { factor, error } = analyse(joinParents(parents), { mostKeys: 0 })
        expect(error).toBeLessThan(0.2)
        outside.runs++
        if (Math.abs(factor / exactFactor(parents) - 1) > 2.5 * error) outside.beyond++
      }),
      { numRuns: 100, seed: 7 },
    )
    expect(outside.beyond / outside.runs).toBeLessThan(0.1)
  })

  test('one parent, as a page of details has it', () => {
    expect(analyse(joinParents([{ items: 30, tags: 4 }]))).toMatchObject({ factor: 4, isCertain: true, parent: 0 })
    expect(analyse(joinParents([{ items: 300, tags: 4 }]))).toMatchObject({ factor: 4, isCertain: true })
  })

  test('parents that are not selected are known by the column that both sides share', () => {
    const fields = [
      field('item_id', ITEMS),
      field('of_order', ITEMS, 2),
      field('tag_id', TAGS),
      field('order', TAGS, 2),
    ]
    const rows = joinParents(repeat(20, { items: 4, tags: 3 })).rows.map((row) => {
      const { item_id, tag_id, order_id } = row as Record<string, unknown>
      return { item_id, of_order: order_id, tag_id, order: order_id }
    })
    expect(analyse({ fields, rows })).toMatchObject({ factor: 3, isCertain: true, parent: undefined, children: [0, 1] })
  })

  test('a table of which nothing is selected makes whole rows come again', () => {
    const fields = joined.slice(0, 3)
    const rows = joinParents(repeat(200, { items: 6, tags: 5 })).rows.map((row) => {
      const { order_id, note, item_id } = row as Record<string, unknown>
      return { order_id, note, item_id }
    })
    expect(analyse({ fields, rows })).toMatchObject({ factor: 5, isCertain: true, children: [] })
    // Not where something computed tells them apart.
    const withTotal = { fields: [...fields, field('total', 0)], rows: rows.map((row, total) => ({ ...row, total })) }
    expect(analyse(withTotal).factor).toBe(1)
  })

  test('three tables that multiply each other', () => {
    const fields = [
      ...joined.slice(0, 1),
      field('item_id', ITEMS),
      field('tag_id', TAGS),
      field('customer_id', CUSTOMERS),
    ]
    const rows = Array.from({ length: 10 * 4 * 3 * 2 }, (_, n) => ({
      order_id: Math.floor(n / 24),
      item_id: Math.floor(n / 6),
      tag_id: Math.floor(n / 24) * 3 + (Math.floor(n / 2) % 3),
      customer_id: Math.floor(n / 24) * 2 + (n % 2),
    }))
    expect(analyse({ fields, rows })).toMatchObject({ factor: 6, children: [1, 2, 3], parent: 0 })
  })

  test('far sides of left joins are not there', () => {
    const { rows } = joinParents(repeat(40, { items: 4, tags: 3 }))
    const empty = Array.from({ length: 60 }, (_, n) => ({
      order_id: 1_000 + n,
      note: '',
      item_id: null,
      tag_id: null,
      label: null,
    }))
    const shape = analyse({ fields: joined, rows: [...rows, ...empty] })
    expect(shape.factor).toBeCloseTo((40 * 12 + 60) / (40 * 4))
    expect(shape.sources[1]?.repeat).toBe(3)
    expect(analyse({ fields: joined, rows: empty }).factor).toBe(1)
  })
})

describe('rows that are not multiplied', () => {
  test('parents with their children, with or without their own parents', () => {
    const shape = analyse(joinParents(repeat(300, { items: 7, tags: 1 })))
    expect(shape).toMatchObject({ factor: 1, children: [] })
    expect(shape.sources[0]?.repeat).toBe(7)
  })

  test('tags that many orders share: each pair is a row that is needed', () => {
    const fields = [field('order_id', ORDERS), field('customer_id', CUSTOMERS), field('tag_id', TAGS)]
    const chooses = (order: number, tag: number) => (order * 7 + tag * 3 + ((order * tag) % 5)) % 3 !== 0
    const rows = Array.from({ length: 300 * 10 }, (_, n) => ({
      order_id: Math.floor(n / 10),
      customer_id: Math.floor(n / 30),
      tag_id: n % 10,
    }))
    const shape = analyse({ fields, rows: rows.filter(({ order_id: order, tag_id: tag }) => chooses(order, tag)) })
    expect(shape).toMatchObject({ factor: 1 })
    expect(shape.sources[2]?.repeat).toBeGreaterThan(10)
  })

  test('a table joined with itself has two sources', () => {
    const fields = [
      field('id', ORDERS),
      field('name', ORDERS, 2),
      field('boss_id', ORDERS),
      field('boss_name', ORDERS, 2),
    ]
    const rows = Array.from({ length: 100 }, (_, n) => ({ id: n, name: 'n', boss_id: n % 10, boss_name: 'b' }))
    const shape = analyse({ fields, rows })
    expect(shape.sources.map(({ tableId, alias, repeat }) => [tableId, alias, repeat])).toEqual([
      [ORDERS, 0, 1],
      [ORDERS, 1, 10],
    ])
    expect(shape.factor).toBe(1)
  })
})

describe('what cannot be known', () => {
  test('without a key in the result it is possible only', () => {
    const { rows } = joinParents(repeat(40, { items: 4, tags: 3 }))
    const noKey: ReadonlyMap<number, TableInfo> = new Map()
    expect(analyse({ fields: joined, rows }, {}, noKey)).toMatchObject({ factor: 3, isCertain: false })
  })

  test('nothing is said where a key was lost to a namesake, unless rows are arrays', () => {
    const fields = [field('id', ORDERS), field('id', ITEMS), field('id', TAGS)]
    const arrays = joinParents(repeat(40, { items: 4, tags: 3 })).rows.map((row) => {
      const { order_id, item_id, tag_id } = row as Record<string, unknown>
      return [order_id, item_id, tag_id]
    })
    expect(analyse({ fields, rows: arrays })).toMatchObject({ factor: 3, isCertain: true })
    expect(analyse({ fields, rows: arrays.map(([, , id]) => ({ id })) })).toBeUndefined()
  })

  test('shadows are names of two columns, not the same column twice', () => {
    const shadowsOf = (fields: ResultLike['fields']) => readShape({ fields, rows: [{}] }).shadows
    expect(shadowsOf([field('id', ORDERS), field('note', ORDERS, 2), field('id', ITEMS)])).toEqual([
      { name: 'id', lostTableIds: [ORDERS], keptTableId: ITEMS },
    ])
    expect(shadowsOf([field('id', ORDERS), field('id', ORDERS), field('note', ORDERS, 2)])).toEqual([])
    const twice = [field('id', ORDERS), field('note', ORDERS, 2)]
    expect(shadowsOf([...twice, ...twice])).toHaveLength(2)
    expect(readShape({ fields: [...twice, ...twice], rows: [[]] }).shadows).toEqual([])
  })
})

test('the quick look never misses what it is shown, and is calm about parents with children', () => {
  const parent = fc.record({ items: fc.integer({ min: 2, max: 9 }), tags: fc.integer({ min: 2, max: 9 }) })
  fc.assert(
    fc.property(fc.array(parent, { minLength: 1, maxLength: 40 }), (parents) => {
      const result = joinParents(parents)
      const quick = lookQuickly(readShape(result), result.rows, 0, 20_000)
      if (exactFactor(parents) > 1.5) expect(quick).toBeGreaterThanOrEqual(exactFactor(parents) - 1e-9)
      else expect(quick).toBeLessThanOrEqual(1.5)
    }),
  )
  const plain = joinParents(repeat(100, { items: 5, tags: 1 }))
  expect(lookQuickly(readShape(plain), plain.rows, 0, 200)).toBe(1)
})
