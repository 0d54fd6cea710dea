import type { Db } from 'holdfast'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate } from '../../example/src/database/migrate.js'
import { migrations } from '../../example/src/database/migrations/index.js'
import { seedBulk } from '../../example/src/seed/bulk.js'
import { defaultSeed, seedFirst } from '../../example/src/seed/first.js'
import { createLogger } from '../../example/src/utils/logger.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { checkStock } from './box-office.js'

const sizes = { customers: 6_000, upcoming: 25, past: 15 }
const logger = createLogger({ name: 'seed', level: 'silent' })

let killed: TestDatabase
let whole: TestDatabase

beforeAll(async () => {
  ;[killed, whole] = await Promise.all([openTestDatabase(), openTestDatabase()])
})
afterAll(async () => {
  await killed?.close()
  await whole?.close()
})

/** Everything but ids, which have gaps after a kill, and days, which count from the first start. */
async function describeContents(db: Db) {
  const [row] = await db.sql`
    select (select md5(string_agg(email || name, ',' order by email)) from customers) as customers,
           (select md5(string_agg(title || place || (starts_at - anchor), ',' order by title, place, starts_at))
              from events, seed_runs) as events,
           (select md5(string_agg(email || payment_key || total_cents, ',' order by payment_key))
              from orders join customers on customers.id = customer_id) as orders,
           (select count(*)::int from customers) as customer_count, (select count(*)::int from events) as event_count,
           (select count(*)::int from seats) as seats, (select count(hold_id)::int from seats) as sold,
           (select count(*)::int from order_items) as items, (select count(*)::int from seed_batches) as batches`
  return row
}

/** Starts the real seed process and kills it -9 in the middle of its work. */
async function killSeed(url: string): Promise<void> {
  const args = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = fork(new URL('../../example/dist/seed/main.js', import.meta.url), args, {
    env: { ...process.env, DATABASE_URL: url, DATABASE_DIRECT_URL: url, LOG_LEVEL: 'info' },
    // The test runner's own flags resolve holdfast to its sources, which node cannot run.
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  if (child.stdout === null) throw new Error('no stdout')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('past events')) child.kill('SIGKILL')
  }
  const [, signal] = await exited
  expect(signal).toBe('SIGKILL')
}

describe('seed', () => {
  test('the first part is enough to browse and buy, and is made once', async () => {
    await migrate(whole.db, migrations)
    const startedAt = performance.now()
    await seedFirst(whole.db, defaultSeed)
    expect(performance.now() - startedAt).toBeLessThan(4_000)
    await Promise.all([seedFirst(whole.db, defaultSeed), seedFirst(whole.db, 7)])
    const [counts] = await whole.db.sql`
      select (select count(*)::int from venues) as venues, (select count(*)::int from events) as events,
             (select count(*)::int > 3000 from seats) as seats`
    expect(counts).toEqual({ venues: 20, events: 60, seats: true })
  })

  test('a killed seed goes on where it stopped and ends with what an undisturbed one makes', async () => {
    await killSeed(killed.url)
    await seedFirst(killed.db, 1)
    // Two at once: the second finds each batch taken.
    await Promise.all([
      seedBulk(killed.db, logger, 1, { ...sizes, restFactor: 0 }),
      seedBulk(killed.db, logger, 1, { ...sizes, restFactor: 0 }),
    ])
    await seedBulk(whole.db, logger, defaultSeed, { ...sizes, restFactor: 0 })
    const contents = await describeContents(killed.db)
    expect(contents).toEqual(await describeContents(whole.db))
    expect(contents).toMatchObject({ customer_count: 6_000, event_count: 100, batches: 3 + 2 + 3 + 1 })
    expect(contents?.['sold']).toBeGreaterThan(500)
    expect(contents?.['items']).toBe(contents?.['sold'])
    await checkStock(killed.db)
  })

  test('an aborted seed stops between two batches', async () => {
    await seedBulk(whole.db, logger, defaultSeed, { ...sizes, customers: 600_000, signal: AbortSignal.abort() })
    expect((await describeContents(whole.db))?.['customer_count']).toBe(6_000)
  })
})

describe('migrations', () => {
  test('two processes that start at once apply each step once', async () => {
    const database = await openTestDatabase({ connect: { pool: { max: 5 } } })
    const runs = await Promise.all(Array.from({ length: 4 }, () => migrate(database.db, migrations)))
    expect(runs.flat().sort()).toEqual(migrations.map((migration) => migration.name))
    await database.close()
  })

  test('what was sold before there were holds stays sold', async () => {
    const database = await openTestDatabase()
    const { db } = database
    const at = migrations.findIndex(({ name }) => name === '0006_holds')
    await migrate(db, migrations.slice(0, at))
    await seedFirst(db, defaultSeed)
    await db.query(`
      insert into customers (email, name) values ('ada@test.example', 'Ada Brook');
      insert into orders (customer_id, event_id, status, standing_quantity, total_cents, currency, charge_id)
      select 1, min(id), 'paid', 0, 100, 'EUR', 'c' from events;
      update seats set order_id = 1 where id in (select min(id) from seats where event_id = (select min(id) from events));
      insert into order_items (order_id, line, seat_id, quantity, price_cents)
      select 1, 1, id, 1, 100 from seats where order_id is not null`)
    await migrate(db, migrations)
    expect(await db.sql`select hold_id from seats where hold_id is not null`).toEqual([{ hold_id: '-1' }])
    await checkStock(db)
    await database.close()
  })
})
