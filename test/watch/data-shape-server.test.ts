import { drizzle } from 'drizzle-orm/node-postgres'
import { relations } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import { inspect } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { createShapeObserver, type ShapeObserverOptions } from '../../src/watch/data-shape/index.js'
import { ReadSampler } from '../../src/watch/data-shape/read-sampler.js'
import { readTables } from '../../src/watch/data-shape/store.js'
import { watchShapes } from '../../src/watch/index.js'
import type { Finding } from '../../src/watch/findings.js'
import { observePool } from '../../src/watch/observe-pool.js'
import { loadParser } from '../../src/watch/parser.js'
import { StatementBook } from '../../src/watch/statement-book.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
let db: Db
const opened: (() => Promise<void>)[] = []

beforeAll(async () => {
  box = await openTestDatabase({ migrated: false })
  db = await connectTo({ url: box.url, pool: { max: 5 } })
  await db.query(`
    create table customers (id int primary key, name text not null);
    create table orders (id int primary key, customer_id int not null, note text not null, code text unique);
    create table items (order_id int not null, position int not null, name text not null, price numeric not null, primary key (order_id, position) include (name));
    create table tags (id int primary key, order_id int not null, label text not null);
    create table employees (id int primary key, name text not null, boss_id int);
    create table papers (id int primary key, body text not null);
    create table logs (at timestamptz not null default now(), line text not null);
    insert into customers select n, 'hush customer ' || n from generate_series(1, 50) n;
    insert into orders select n, (n + 3) / 4, 'hush note ' || n, null from generate_series(1, 200) n;
    insert into items select (n + 19) / 20, n % 20, 'hush item', n from generate_series(1, 4000) n;
    insert into papers select n, repeat('hush ', 60) from generate_series(1, 200) n;
    insert into tags select n, (n + 4) / 5, 'hush tag' from generate_series(1, 1000) n;
    insert into employees select n, 'hush name ' || n, n / 10 + 1 from generate_series(1, 300) n;
    insert into logs (line) select 'hush line' from generate_series(1, 12000)`)
})
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})
afterAll(async () => {
  await db.close()
  await box.close()
})

interface Watched {
  pool: pg.Pool
  found: Finding[]
  /** Runs it twice: the first look asks for keys, the second one has them. */
  look: (text: string | pg.QueryArrayConfig, values?: unknown[]) => Promise<Finding[]>
  observer: ReturnType<typeof createShapeObserver>
}

async function openWatched(options: Partial<ShapeObserverOptions> = {}): Promise<Watched> {
  const pool = new pg.Pool({ connectionString: box.url, max: 3 })
  const found: Finding[] = []
  const observer = createShapeObserver({ report: (finding) => void found.push(finding), db, ...options })
  const book = new StatementBook(await loadParser())
  const { leave } = observePool(pool, (seen) => observer.observe(seen, book.find(seen.text)))
  opened.push(async () => {
    leave()
    await observer.close()
    await pool.end()
  })
  const look = async (text: string | pg.QueryArrayConfig, values?: unknown[]) => {
    for (let n = 0; n < 2; n++) {
      await pool.query(text as string, values)
      await observer.settle()
    }
    return found
  }
  return { pool, found, look, observer }
}

const explosion = `
  select o.id as order_id, o.note, c.id as customer_id, c.name as customer, i.order_id as of_order, i.position, i.name,
         t.id as tag_id, t.label
    from orders o join customers c on c.id = o.customer_id join items i on i.order_id = o.id join tags t on t.order_id = o.id
   order by o.id`

const kindsOf = (found: readonly Finding[]) => found.map(({ kind }) => kind)
const of = (found: readonly Finding[], kind: Finding['kind']) => found.filter((finding) => finding.kind === kind)

describe('rows that a join multiplies', () => {
  test('are told with their tables, the factor and the bytes; nothing of the rows is in it', async () => {
    const { look } = await openWatched()
    const found = await look(explosion)
    const [finding, ...others] = of(found, 'row-multiplication')
    expect(others).toEqual([])
    expect(finding).toMatchObject({ severity: 'act', subject: 'items × tags', prove: 'holdfast prove row-explosion' })
    expect(finding?.sentence).toMatch(
      /^items and tags multiply each other within each row of orders: 20000 rows where 4000 would do \(factor 5\). 93 % of 1.9 MB are repeats \(orders ×100, customers ×200, items ×5, tags ×20\)/,
    )
    expect(finding?.evidence).toMatchObject({
      factor: 5,
      factor_error: 0,
      looked_at: 500,
      is_certain: true,
      parent: 'orders',
    })
    expect(JSON.stringify(found)).not.toContain('hush')
  })

  test('once a minute, not each time', async () => {
    let now = 1_000_000
    const { look, found } = await openWatched({ now: () => now })
    await look(explosion)
    await look(explosion)
    expect(of(found, 'row-multiplication')).toHaveLength(1)
    now += 61_000
    await look(explosion)
    expect(of(found, 'row-multiplication')).toHaveLength(2)
  })

  test('in rows that are arrays too, where all columns may be called the same', async () => {
    const { look } = await openWatched()
    const text = `select o.id, i.*, t.* from orders o join items i on i.order_id = o.id join tags t on t.order_id = o.id limit 5000`
    const found = await look({ text, rowMode: 'array', values: [] })
    expect(kindsOf(found)).toEqual(['row-multiplication'])
    expect(found[0]?.evidence).toMatchObject({ factor: 5 })
  })

  test('possibly only, where a table shows no key or is a view', async () => {
    const { look } = await openWatched()
    const text = `select o.id, i.name, i.price, t.id as tag from orders o join items i on i.order_id = o.id join tags t on t.order_id = o.id limit 2000`
    const [finding] = await look(text)
    expect(finding).toMatchObject({ kind: 'row-multiplication', severity: 'info' })
    expect(finding?.sentence).toMatch(/^Possibly: /)
    const blind = await openWatched()
    const without = createShapeObserver({ report: (finding) => void blind.found.push(finding) })
    const result = await blind.pool.query(explosion)
    const seen = {
      request: undefined,
      text: explosion,
      name: undefined,
      values: [],
      result,
      client: {},
      ms: 1,
      rows: 20_000,
      bytes: 1e6,
    }
    without.observe(
      {
        site: undefined,
        begin: undefined,
        ...seen,
        isFailed: false,
        isOwn: false,
        endedAt: performance.now(),
        driver: 'node-postgres',
      },
      { id: '7', text: explosion },
    )
    expect(of(blind.found, 'row-multiplication')).toMatchObject([{ severity: 'info' }])
  })

  test('nothing is said of parents with children, but what they repeat where that is much', async () => {
    const { look } = await openWatched()
    const text = `select o.id as order_id, o.note, i.position, i.order_id as of from orders o join items i on i.order_id = o.id`
    expect(await look(`${text} limit 2000`)).toEqual([])
    const [finding] = await look(
      `select repeat('x', 500) as filler, o.id as order_id, repeat(o.note, 1) as note, o.note as plain, i.position, i.order_id as of from orders o join items i on i.order_id = o.id limit 4000`,
    )
    expect(finding).toBeUndefined()
    const wide = await look(
      `select p.id as paper_id, p.body, i.position, i.order_id as of from papers p join items i on i.order_id = p.id limit 4000`,
    )
    expect(wide).toMatchObject([{ kind: 'row-multiplication', severity: 'info', evidence: { factor: 1 } }])
    expect(wide[0]?.sentence).toContain('Nothing is multiplied')
  })

  test('a table joined with itself is two', async () => {
    const { look } = await openWatched()
    const text = `select e.id, e.name, b.id as boss, b.name as boss_name, t.id as tag from employees e join employees b on b.id = e.boss_id join tags t on t.order_id = b.id limit 3000`
    const [finding] = await look(text)
    expect(finding).toMatchObject({ kind: 'row-multiplication', subject: 'employees × tags' })
    expect(finding?.evidence).toMatchObject({ parent: 'employees (2)', factor: 5 })
  })
})

describe('columns that are lost to a namesake', () => {
  test('are told once, by their tables, and no verdict is given on rows whose key is lost', async () => {
    const { look } = await openWatched()
    const found = await look(`select o.*, t.* from orders o join tags t on t.order_id = o.id where o.id = $1`, [7])
    expect(found).toMatchObject([{ kind: 'shadowed-column', severity: 'watch', subject: 'id' }])
    expect(found[0]?.sentence).toContain('orders.id (tags.id is kept)')
    const all = await look(
      `select * from orders o join items i on i.order_id = o.id join tags t on t.order_id = o.id limit 900`,
    )
    expect(kindsOf(all)).toEqual(['shadowed-column', 'shadowed-column'])
    expect(all[1]).toMatchObject({ subject: 'id, order_id' })
    expect(all[1]?.sentence).toContain('A key is among them')
  })

  test('are none where the same column is selected twice', async () => {
    const { look } = await openWatched()
    expect(await look('select id, * from orders where id < $1', [3])).toEqual([])
  })
})

describe('results without a limit', () => {
  test('are told from 10 000 rows, with what is usual', async () => {
    const { look, pool } = await openWatched()
    const text = 'select * from logs where line <> $1 offset $2'
    for (const offset of [11_990, 11_990, 11_990, 11_990]) await pool.query(text, ['x', offset])
    expect(await look(text, ['x', 0])).toMatchObject([{ kind: 'unbounded-result', severity: 'watch' }])
    const [finding] = await look(text, ['x', 0])
    expect(finding?.evidence).toMatchObject({ calls: 5, most_rows: 12_000, median_rows: 11 })
    expect(await (await openWatched()).look('select * from logs order by at limit 12000')).toEqual([])
  })

  test('are told where they grow all the time', async () => {
    let now = 0
    const { look, pool, found } = await openWatched({ now: () => now })
    // With a limit it is the same statement to PostgreSQL's fingerprint.
    await pool.query('select line from logs offset $1 limit 20000', [11_000])
    expect(found).toEqual([])
    const growing = 'select line from logs offset $1'
    for (let n = 0; n < 8; n++) {
      await pool.query(growing, [11_000 - 300 * n])
      now += 61_000
    }
    await look(growing, [8_000])
    expect(found[0]).toMatchObject({ kind: 'unbounded-result', severity: 'info', evidence: { mean_rows_from: 1_000 } })
  })
})

describe('columns that nobody reads', () => {
  const text = `select id, note, customer_id from orders where id <= $1 limit 100`

  test('are told after some samples, when that was asked for', async () => {
    let now = 0
    const { pool, found } = await openWatched({ sampleReadsEvery: 2, now: () => now })
    for (let n = 0; n < 60; n++) {
      const { rows } = await pool.query<{ id: number; customer_id: number }>(text, [5])
      expect(rows[0]?.id).toBe(1)
      if (n % 2 === 0) expect(rows[0]?.customer_id).toBe(1)
      now += 6_000
    }
    expect(found.at(-1)).toMatchObject({ kind: 'unread-columns', subject: 'note, customer_id' })
    expect(JSON.stringify(found)).not.toContain('hush')
  })

  test('nothing is said where rows go on as a whole, and nothing is touched by default', async () => {
    let now = 0
    const { pool, found } = await openWatched({ sampleReadsEvery: 1, now: () => now })
    for (let n = 0; n < 30; n++) {
      const { rows } = await pool.query(text, [5])
      if (n % 3 === 0) JSON.stringify(rows)
      else if (n % 3 === 1) expect({ ...rows[0] }).toEqual({ id: 1, note: 'hush note 1', customer_id: 1 })
      else expect(structuredClone(rows)[0]).toEqual(rows[0])
      now += 6_000
    }
    expect(found).toEqual([])
    const { rows } = await (await openWatched()).pool.query(text, [1])
    expect(inspect(rows[0])).toBe(`{ id: 1, note: 'hush note 1', customer_id: 1 }`)
  })

  test('a sampled row reads, writes and freezes as any other, and is plain again afterwards', () => {
    const sampler = new ReadSampler(1)
    const tally = { samples: 0, reads: new Map<string, number>() }
    const row: Record<string, unknown> = { a: 1, b: 'two', c: null }
    sampler.probe(row, ['a', 'b', 'c'], tally, 0)
    expect(Object.keys(row)).toEqual(['a', 'b', 'c'])
    row['b'] = 2
    expect(row).toEqual({ a: 1, b: 2, c: null })
    const frozen = Object.freeze({ a: 1 })
    sampler.probe(frozen, ['a'], tally, 0)
    expect(Object.getOwnPropertyDescriptor(frozen, 'a')?.value).toBe(1)
    const later: Record<string, unknown> = { a: 1 }
    sampler.probe(later, ['a'], tally, 0)
    Object.freeze(later)
    expect(() => (later['a'] = 2)).toThrow(TypeError)
    expect(later['a']).toBe(1)
    const unread: Record<string, unknown> = { a: 1 }
    sampler.probe(unread, ['a'], { samples: 0, reads: new Map() }, 0)
    expect(sampler.collect(4_999)).toEqual([])
    sampler.collect(5_000)
    expect(inspect(unread)).toBe('{ a: 1 }')
    sampler.close()
  })
})

describe('N + 1', () => {
  const orders = pgTable('orders', { id: integer().primaryKey(), note: text() })
  const tags = pgTable('tags', { id: integer().primaryKey(), orderId: integer('order_id'), label: text() })
  const schema = {
    orders,
    tags,
    orderRelations: relations(orders, ({ many }) => ({ tags: many(tags) })),
    tagRelations: relations(tags, ({ one }) => ({
      order: one(orders, { fields: [tags.orderId], references: [orders.id] }),
    })),
  }

  async function findIn(body: (own: Db) => Promise<unknown>): Promise<readonly Finding[]> {
    const own = await connectTo({ url: box.url, pool: { max: 5 } })
    const shapes = await watchShapes(own)
    try {
      await own.runRequest({ route: 'GET /orders' }, async () => void (await body(own)))
      return shapes.findings().filter(({ kind }) => kind === 'repeated-statement')
    } finally {
      await shapes.stop()
      await own.close()
    }
  }

  const ids = Array.from({ length: 60 }, (_, n) => n + 1)

  test('in a loop, or at once; not below ten', async () => {
    const text = 'select id, label from tags where order_id = $1'
    const loop = async (own: Db, some: readonly number[]) => {
      for (const id of some) await own.query(text, [id])
    }
    const [finding] = await findIn(async (own) => await loop(own, ids))
    expect(finding).toMatchObject({
      route: 'GET /orders',
      evidence: { calls: 60, is_sequential: true, table: 'tags', key: 'order_id' },
    })
    expect(finding?.sentence).toContain('A request ran one statement 60 times, one after the other: tags by order_id')
    expect(finding?.fix).toContain('where order_id = any($1)')
    const [parallel] = await findIn(
      async (own) => await Promise.all(ids.map(async (id) => await own.query(`select pg_sleep(0.005), $1::int`, [id]))),
    )
    expect(parallel).toMatchObject({ severity: 'watch', evidence: { is_sequential: false } })
    expect(await findIn(async (own) => await loop(own, ids.slice(0, 9)))).toEqual([])
  })

  test('of Drizzle and Kysely', async () => {
    const [drizzled] = await findIn(async (own) => {
      const orm = drizzle(own.pool, { schema })
      for (const id of ids.slice(0, 12))
        await orm.query.orders.findFirst({ where: (o, { eq }) => eq(o.id, id), with: { tags: true } })
    })
    expect(drizzled).toMatchObject({ subject: 'orders.tags', evidence: { table: 'orders', key: 'id' } })
    expect(drizzled?.fix).toContain('In Drizzle load the relation')
    const [kysely] = await findIn(async (own) => {
      const builder = new Kysely<{ tags: { id: number; order_id: number } }>({
        dialect: new PostgresDialect({ pool: own.pool }),
      })
      for (const id of ids.slice(0, 12))
        await builder.selectFrom('tags').selectAll().where('order_id', '=', id).execute()
    })
    expect(kysely).toMatchObject({ evidence: { table: 'tags', key: 'order_id', calls: 12 } })
  })
})

test('keys are those that tell rows apart: not partial, nullable or invalid ones, and without included columns', async () => {
  const oids = async (...names: string[]) =>
    (await db.query<{ oid: number }>('select unnest($1::text[]::regclass[])::oid::int as oid', [names])).rows.map(
      ({ oid }) => oid,
    )
  const [orders = 0, items = 0, logs = 0] = await oids('orders', 'items', 'logs')
  const tables = await readTables(db, [orders, items, logs, 4_000_000])
  expect(tables.get(orders)).toEqual({ name: 'orders', keys: [[1]] })
  expect(tables.get(items)).toEqual({ name: 'items', keys: [[1, 2]] })
  expect(tables.get(logs)).toEqual({ name: 'logs', keys: [] })
  expect(tables.size).toBe(3)
})
