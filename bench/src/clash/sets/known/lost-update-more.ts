import { eq } from 'drizzle-orm'
import { date, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { sql as ksql } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, postgresJsCase, typeormCase, type ClashCase } from '../../corpus.js'
import { inTransaction } from './transaction.js'

interface Loyalty {
  customers: { id: string; points: number | null; tier: string }
}

const C1 = '11111111-aaaa-4aaa-8aaa-000000000001'
const C2 = '11111111-aaaa-4aaa-8aaa-000000000002'
const C9 = '11111111-aaaa-4aaa-8aaa-000000000009'

const points = kyselyCase<Loyalty>({
  name: 'loyalty: points read through an expression',
  schema: `create table customers (id uuid primary key, points int, tier text not null default 'base')`,
  seed: `insert into customers values ('${C1}', null, 'base'), ('${C2}', 90, 'base')`,
  routes: {
    'POST /customers/:id/points': async (db, input) => {
      const { id, earned } = input as { id: string; earned: number }
      const customer = await db
        .selectFrom('customers')
        .select(['tier', ksql<number>`coalesce(points, 0)`.as('total')])
        .where('id', '=', id)
        .executeTakeFirst()
      if (!customer) return { status: 404 }
      const total = customer.total + earned
      await db
        .updateTable('customers')
        .set({ points: total, tier: total >= 1000 ? 'gold' : customer.tier })
        .where('id', '=', id)
        .execute()
      return { status: 200, body: { total } }
    },
  },
  traffic: [
    ['POST /customers/:id/points', { id: C1, earned: 13 }],
    ['POST /customers/:id/points', { id: C2, earned: 40 }],
    ['POST /customers/:id/points', { id: C1, earned: 21 }],
    ['POST /customers/:id/points', { id: C9, earned: 21 }],
    ['POST /customers/:id/points', { id: C2, earned: 990 }],
    ['POST /customers/:id/points', { id: C2, earned: 5 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update, expression column',
      first: ['POST /customers/:id/points', { id: C2, earned: 31 }],
      second: ['POST /customers/:id/points', { id: C2, earned: 47 }],
    },
  ],
})

const dailyHits = pgTable(
  'daily_hits',
  { page: text('page').notNull(), day: date('day').notNull(), hits: integer('hits').notNull() },
  (table) => [primaryKey({ columns: [table.page, table.day] })],
)

const computedUpsert = drizzleCase({
  name: 'statistics: upsert of a count computed in the program',
  schema: 'create table daily_hits (page text, day date, hits int not null, primary key (page, day))',
  seed: `insert into daily_hits values ('/home', '2030-01-01', 41), ('/about', '2030-01-01', 7)`,
  routes: {
    'POST /hits': async (db, input) => {
      const { page, day } = input as { page: string; day: string }
      if (!page.startsWith('/')) return { status: 422 }
      const rows = await db.select().from(dailyHits).where(eq(dailyHits.page, page))
      const hits = (rows.find((row) => row.day === day)?.hits ?? 0) + 1
      await db
        .insert(dailyHits)
        .values({ page, day, hits })
        .onConflictDoUpdate({ target: [dailyHits.page, dailyHits.day], set: { hits } })
      return { status: 202 }
    },
  },
  traffic: [
    ['POST /hits', { page: '/home', day: '2030-01-01' }],
    ['POST /hits', { page: '/home', day: '2030-01-01' }],
    ['POST /hits', { page: '/new', day: '2030-01-01' }],
    ['POST /hits', { page: 'oops', day: '2030-01-01' }],
    ['POST /hits', { page: '/about', day: '2030-01-01' }],
    ['POST /hits', { page: '/about', day: '2030-01-02' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'upsert of a computed value',
      first: ['POST /hits', { page: '/about', day: '2030-01-01' }],
      second: ['POST /hits', { page: '/about', day: '2030-01-01' }],
    },
  ],
})

const rateLimit = pgCase({
  name: 'api keys: UPDATE, and INSERT if there was no row',
  schema: `create table usage_buckets (api_key text not null, hour int not null, calls int not null)`,
  seed: `insert into usage_buckets values ('k-1', 10, 5), ('k-2', 10, 1)`,
  routes: {
    'POST /usage': async (pool, input) => {
      const { key, hour } = input as { key: string; hour: number }
      await inTransaction(pool, async (client) => {
        const updated = await client.query(
          'update usage_buckets set calls = calls + 1 where api_key = $1 and hour = $2',
          [key, hour],
        )
        if (updated.rowCount === 0) {
          await client.query('insert into usage_buckets (api_key, hour, calls) values ($1, $2, 1)', [key, hour])
        }
      })
      return { status: 204 }
    },
  },
  traffic: [
    ['POST /usage', { key: 'k-1', hour: 10 }],
    ['POST /usage', { key: 'k-1', hour: 11 }],
    ['POST /usage', { key: 'k-2', hour: 10 }],
    ['POST /usage', { key: 'k-3', hour: 10 }],
    ['POST /usage', { key: 'k-1', hour: 11 }],
    ['POST /usage', { key: 'k-2', hour: 11 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'update of no row, then insert',
      first: ['POST /usage', { key: 'k-2', hour: 15 }],
      second: ['POST /usage', { key: 'k-2', hour: 15 }],
    },
    {
      label: 'safe',
      kind: 'relative update of a row that is there',
      first: ['POST /usage', { key: 'k-1', hour: 10 }],
      second: ['POST /usage', { key: 'k-1', hour: 10 }],
    },
  ],
})

/** Stands for the payment provider. */
async function charge(card: string, cents: number): Promise<{ reference: string } | undefined> {
  const accepted = await Promise.resolve(card !== 'declined' && cents > 0)
  return accepted ? { reference: `ch_${card}_${cents}` } : undefined
}

const paidTicket = knexCase({
  name: 'concert: payment between the look at the stock and the sale',
  schema: `create table concerts (id int primary key, price_cents int not null, tickets_left int not null);
    create table sales (reference text primary key, concert_id int not null)`,
  seed: `insert into concerts values (1, 4500, 50), (2, 3000, 0), (3, 9900, 1)`,
  routes: {
    'POST /concerts/:id/buy': async (knex, input) => {
      const { id, card } = input as { id: number; card: string }
      const concert = await knex('concerts').where({ id }).first()
      if (!concert) return { status: 404 }
      if (concert.tickets_left < 1) return { status: 409 }
      const payment = await charge(card, concert.price_cents)
      if (!payment) return { status: 402 }
      await knex.transaction(async (trx) => {
        await trx('concerts')
          .where({ id })
          .update({ tickets_left: concert.tickets_left - 1 })
        await trx('sales').insert({ reference: payment.reference, concert_id: id })
      })
      return { status: 201 }
    },
  },
  traffic: [
    ['POST /concerts/:id/buy', { id: 1, card: 'c1' }],
    ['POST /concerts/:id/buy', { id: 1, card: 'declined' }],
    ['POST /concerts/:id/buy', { id: 2, card: 'c2' }],
    ['POST /concerts/:id/buy', { id: 7, card: 'c2' }],
    ['POST /concerts/:id/buy', { id: 1, card: 'c3' }],
    ['POST /concerts/:id/buy', { id: 1, card: 'c4' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'stale read across an external call',
      first: ['POST /concerts/:id/buy', { id: 3, card: 'c8' }],
      second: ['POST /concerts/:id/buy', { id: 3, card: 'c9' }],
    },
  ],
})

interface Job {
  id: number
  kind: string
  status: string
  worker: string | null
}

const JobEntity = new EntitySchema<Job>({
  name: 'Job',
  tableName: 'jobs',
  columns: {
    id: { type: 'int', primary: true },
    kind: { type: 'text' },
    status: { type: 'text' },
    worker: { type: 'text', nullable: true },
  },
})

const jobQueue = typeormCase([JobEntity], {
  name: 'jobs: the oldest is found, then saved as taken',
  schema: `create table jobs (id int primary key, kind text not null, status text not null default 'queued', worker text)`,
  seed: `insert into jobs (id, kind) values (1, 'mail'), (2, 'mail'), (3, 'mail'), (4, 'pdf'), (5, 'pdf')`,
  routes: {
    'POST /jobs/claim': async (source, input) => {
      const { kind, worker } = input as { kind: string; worker: string }
      const jobs = source.getRepository(JobEntity)
      const job = await jobs.findOne({ where: { kind, status: 'queued' }, order: { id: 'ASC' } })
      if (!job) return { status: 204 }
      job.status = 'running'
      job.worker = worker
      await jobs.save(job)
      return { status: 200, body: job }
    },
  },
  traffic: [
    ['POST /jobs/claim', { kind: 'mail', worker: 'w1' }],
    ['POST /jobs/claim', { kind: 'pdf', worker: 'w2' }],
    ['POST /jobs/claim', { kind: 'video', worker: 'w1' }],
    ['POST /jobs/claim', { kind: 'pdf', worker: 'w1' }],
    ['POST /jobs/claim', { kind: 'pdf', worker: 'w2' }],
    ['POST /jobs/claim', { kind: 'mail', worker: 'w2' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'queue, claimed without a lock',
      first: ['POST /jobs/claim', { kind: 'mail', worker: 'w8' }],
      second: ['POST /jobs/claim', { kind: 'mail', worker: 'w9' }],
    },
  ],
})

const subselectQueue = postgresJsCase({
  name: 'print queue: claimed by a subquery without a lock',
  schema: `create table prints (id bigint primary key, printer text not null, state text not null default 'waiting', agent text)`,
  seed: `insert into prints (id, printer) values (1, 'ink'), (2, 'ink'), (3, 'laser'), (4, 'ink'), (5, 'laser')`,
  routes: {
    'POST /prints/next': async (sql, input) => {
      const { printer, agent } = input as { printer: string; agent: string }
      const [print] = await sql`
        update prints set state = 'printing', agent = ${agent}
        where id = (select id from prints where printer = ${printer} and state = 'waiting' order by id limit 1)
        returning id`
      return print ? { status: 200, body: print } : { status: 204 }
    },
  },
  traffic: [
    ['POST /prints/next', { printer: 'ink', agent: 'a1' }],
    ['POST /prints/next', { printer: 'laser', agent: 'a1' }],
    ['POST /prints/next', { printer: 'laser', agent: 'a2' }],
    ['POST /prints/next', { printer: 'laser', agent: 'a2' }],
    ['POST /prints/next', { printer: 'plotter', agent: 'a2' }],
    ['POST /prints/next', { printer: 'ink', agent: 'a2' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'queue, subquery without a lock',
      first: ['POST /prints/next', { printer: 'ink', agent: 'a8' }],
      second: ['POST /prints/next', { printer: 'ink', agent: 'a9' }],
    },
  ],
})

export const cases: ClashCase[] = [points, computedUpsert, rateLimit, paidTicket, jobQueue, subselectQueue]
