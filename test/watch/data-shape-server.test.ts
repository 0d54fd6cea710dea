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
    create table logs (at timestamptz not null default now(), line text not null);
    insert into customers select n, 'hush customer ' || n from generate_series(1, 50) n;
    insert into orders select n, (n + 3) / 4, 'hush note ' || n, null from generate_series(1, 200) n;
    insert into items select (n + 19) / 20, n % 20, 'hush item', n from generate_series(1, 4000) n;
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
  look(text: string | pg.QueryArrayConfig, values?: unknown[]): Promise<Finding[]>
  observer: ReturnType<typeof createShapeObserver>
}

async function openWatched(options: Partial<ShapeObserverOptions> = {}): Promise<Watched> {
  const pool = new pg.Pool({ connectionString: box.url, max: 3 })
  const found: Finding[] = []
  const observer = createShapeObserver({ report: (finding) => void found.push(finding), db, ...options })
  const book = new StatementBook(await loadParser())
  const leave = observePool(pool, (seen) => observer.observe(seen, book.find(seen.text)))
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

describe('rows that a join multiplies', () => {
  test('are told with their tables, the factor and the bytes; nothing of the rows is in it', async () => {
    const { look } = await openWatched()
    const [finding, ...rest] = await look(explosion)
    expect(rest.filter(({ kind }) => kind === 'row-multiplication')).toEqual([])
    expect(finding).toMatchObject({
      kind: 'unbounded-result',
      severity: 'watch',
    })
    const told = rest.length === 0 ? undefined : rest[0]
    expect(told).toBeUndefined()
  })
})
