import { and, eq, lt, sql } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { sql as ksql, type Generated } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, postgresJsCase, typeormCase, type ClashCase } from '../../corpus.js'
import { inTransaction, isDuplicate, retryOnConflict } from './transaction.js'

const lockedAccount = pgCase({
  name: 'account: withdrawal behind a row lock',
  schema: `create table accounts (id bigint primary key, balance numeric(12,2) not null)`,
  seed: `insert into accounts values (1, 100.00), (2, 15.50), (3, 800.00)`,
  routes: {
    'POST /accounts/:id/withdraw': async (pool, input) =>
      await inTransaction(pool, async (client) => {
        const { id, amount } = input as { id: number; amount: number }
        const { rows } = await client.query<{ balance: string }>(
          'SELECT balance FROM accounts WHERE id = $1 FOR UPDATE',
          [id],
        )
        if (!rows[0]) return { status: 404 }
        const balance = Number(rows[0].balance)
        if (balance < amount) return { status: 402 }
        await client.query('UPDATE accounts SET balance = $1 WHERE id = $2', [balance - amount, id])
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /accounts/:id/withdraw', { id: 1, amount: 10.25 }],
    ['POST /accounts/:id/withdraw', { id: 2, amount: 20 }],
    ['POST /accounts/:id/withdraw', { id: 3, amount: 99.5 }],
    ['POST /accounts/:id/withdraw', { id: 6, amount: 1 }],
    ['POST /accounts/:id/withdraw', { id: 1, amount: 15 }],
    ['POST /accounts/:id/withdraw', { id: 2, amount: 5.5 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'row lock taken first',
      first: ['POST /accounts/:id/withdraw', { id: 3, amount: 100 }],
      second: ['POST /accounts/:id/withdraw', { id: 3, amount: 55.5 }],
    },
  ],
})

interface Preferences {
  accounts: { id: string; preferences: Record<string, unknown>; updated_at: Generated<Date> }
}

const K1 = 'b7c1a2d0-1111-4111-8111-000000000001'
const K2 = 'b7c1a2d0-1111-4111-8111-000000000002'
const NOBODY = '00000000-0000-0000-0000-000000000000'

const mergedBySql = kyselyCase<Preferences>({
  name: 'preferences: merged by the database',
  schema: `create table accounts (id uuid primary key, preferences jsonb not null default '{}',
    updated_at timestamptz not null default now())`,
  seed: `insert into accounts values ('${K1}', '{"theme":"dark"}'), ('${K2}', '{}')`,
  routes: {
    'PATCH /accounts/:id/preferences': async (db, input) => {
      const { id, patch } = input as { id: string; patch: Record<string, unknown> }
      const existing = await db
        .selectFrom('accounts')
        .select(['id', 'preferences'])
        .where('id', '=', id)
        .executeTakeFirst()
      if (!existing) return { status: 404 }
      const updated = await db
        .updateTable('accounts')
        .set((eb) => ({
          preferences: ksql`${eb.ref('preferences')} || ${JSON.stringify(patch)}::jsonb`,
          updated_at: ksql`now()`,
        }))
        .where('id', '=', id)
        .returning('preferences')
        .executeTakeFirstOrThrow()
      return { status: 200, body: updated.preferences }
    },
  },
  traffic: [
    ['PATCH /accounts/:id/preferences', { id: K1, patch: { theme: 'light' } }],
    ['PATCH /accounts/:id/preferences', { id: K1, patch: { lang: 'nl', beta: true } }],
    ['PATCH /accounts/:id/preferences', { id: K2, patch: { lang: 'nl' } }],
    ['PATCH /accounts/:id/preferences', { id: NOBODY, patch: { lang: 'nl' } }],
    ['PATCH /accounts/:id/preferences', { id: K2, patch: { theme: 'dark' } }],
    ['PATCH /accounts/:id/preferences', { id: K2, patch: { theme: 'dark' } }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'jsonb merged in the statement',
      first: ['PATCH /accounts/:id/preferences', { id: K1, patch: { lang: 'fr' } }],
      second: ['PATCH /accounts/:id/preferences', { id: K1, patch: { pageSize: 20 } }],
    },
  ],
})

const conditionalStock = knexCase({
  name: 'shop: stock taken by a conditional decrement',
  schema: `create table products (id int primary key, title text not null, stock int not null, price numeric(8,2) not null);
    create table purchases (id serial primary key, product_id int not null, buyer text not null, quantity int not null)`,
  seed: `insert into products values (1, 'lamp', 30, 19.9), (2, 'desk', 1, 240), (3, 'chair', 0, 60), (4, 'shelf', 3, 45)`,
  routes: {
    'POST /products/:id/buy': async (knex, input) => {
      const { id, buyer, quantity } = input as { id: number; buyer: string; quantity: number }
      const product = await knex('products').where({ id }).first()
      if (!product) return { status: 404 }
      return await knex.transaction(async (trx) => {
        const taken = await trx('products').where({ id }).andWhere('stock', '>=', quantity).decrement('stock', quantity)
        if (taken === 0) return { status: 409, body: { error: 'sold out' } }
        await trx('purchases').insert({ product_id: id, buyer, quantity })
        return { status: 201, body: { total: product.price * quantity } }
      })
    },
  },
  traffic: [
    ['POST /products/:id/buy', { id: 1, buyer: 'u1', quantity: 2 }],
    ['POST /products/:id/buy', { id: 3, buyer: 'u1', quantity: 1 }],
    ['POST /products/:id/buy', { id: 4, buyer: 'u2', quantity: 4 }],
    ['POST /products/:id/buy', { id: 4, buyer: 'u2', quantity: 3 }],
    ['POST /products/:id/buy', { id: 5, buyer: 'u2', quantity: 3 }],
    ['POST /products/:id/buy', { id: 1, buyer: 'u3', quantity: 1 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'conditional decrement',
      first: ['POST /products/:id/buy', { id: 2, buyer: 'u4', quantity: 1 }],
      second: ['POST /products/:id/buy', { id: 2, buyer: 'u5', quantity: 1 }],
    },
  ],
})

const vouchers = pgTable('vouchers', {
  code: text('code').primaryKey(),
  maxUses: integer('max_uses').notNull(),
  uses: integer('uses').notNull(),
})

const conditionalVoucher = drizzleCase({
  name: 'voucher: limit repeated in the update',
  schema: 'create table vouchers (code text primary key, max_uses int not null, uses int not null default 0)',
  seed: `insert into vouchers values ('SUMMER', 100, 12), ('LAST1', 5, 4), ('GONE', 3, 3), ('VIP', 2, 0)`,
  routes: {
    'POST /vouchers/:code/redeem': async (db, input) => {
      const { code } = input as { code: string }
      const [found] = await db.select().from(vouchers).where(eq(vouchers.code, code)).limit(1)
      if (!found) return { status: 404 }
      if (found.uses >= found.maxUses) return { status: 410 }
      const redeemed = await db
        .update(vouchers)
        .set({ uses: sql`${vouchers.uses} + 1` })
        .where(and(eq(vouchers.code, code), lt(vouchers.uses, vouchers.maxUses)))
        .returning({ uses: vouchers.uses })
      return { status: redeemed.length ? 200 : 410 }
    },
  },
  traffic: [
    ['POST /vouchers/:code/redeem', { code: 'SUMMER' }],
    ['POST /vouchers/:code/redeem', { code: 'GONE' }],
    ['POST /vouchers/:code/redeem', { code: 'VIP' }],
    ['POST /vouchers/:code/redeem', { code: 'VIP' }],
    ['POST /vouchers/:code/redeem', { code: 'VIP' }],
    ['POST /vouchers/:code/redeem', { code: 'NOPE' }],
    ['POST /vouchers/:code/redeem', { code: 'SUMMER' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'limit repeated in the update',
      first: ['POST /vouchers/:code/redeem', { code: 'LAST1' }],
      second: ['POST /vouchers/:code/redeem', { code: 'LAST1' }],
    },
  ],
})

const uniqueName = pgCase({
  name: 'register: name looked up, unique index behind it',
  schema: `create table members (id serial primary key, username text not null unique, plan text not null default 'free')`,
  seed: `insert into members (username) values ('root'), ('daisy')`,
  routes: {
    'POST /register': async (pool, input) => {
      const { username } = input as { username: string }
      if (!/^[a-z]{3,12}$/.test(username)) return { status: 422 }
      const taken = await pool.query('select 1 from members where username = $1', [username])
      if (taken.rowCount) return { status: 409 }
      try {
        await pool.query('insert into members (username) values ($1)', [username])
        return { status: 201 }
      } catch (error) {
        if (isDuplicate(error)) return { status: 409 }
        throw error
      }
    },
  },
  traffic: [
    ['POST /register', { username: 'rose' }],
    ['POST /register', { username: 'daisy' }],
    ['POST /register', { username: '!' }],
    ['POST /register', { username: 'violet' }],
    ['POST /register', { username: 'rose' }],
    ['POST /register', { username: 'tulip' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'unique index, 23505 handled',
      first: ['POST /register', { username: 'lily' }],
      second: ['POST /register', { username: 'lily' }],
    },
  ],
})

const conditionalStatus = knexCase({
  name: 'ticket: status tested again by the update',
  schema: `create table tickets (id int primary key, status text not null, closed_by text)`,
  seed: `insert into tickets values (1, 'open', null), (2, 'open', null), (3, 'closed', 'eve'), (4, 'open', null),
      (5, 'rejected', 'eve'), (6, 'open', null)`,
  routes: {
    'POST /tickets/:id/close': async (knex, input) => {
      const ticket = await knex('tickets').where({ id: input.id }).first()
      if (!ticket) return { status: 404 }
      if (ticket.status !== 'open') return { status: 409 }
      const changed = await knex('tickets')
        .where({ id: ticket.id, status: 'open' })
        .update({ status: 'closed', closed_by: input.agent })
      return { status: changed === 1 ? 200 : 409 }
    },
    'POST /tickets/:id/reject': async (knex, input) => {
      const ticket = await knex('tickets').where({ id: input.id }).first()
      if (!ticket) return { status: 404 }
      if (ticket.status !== 'open') return { status: 409 }
      const changed = await knex('tickets')
        .where({ id: ticket.id, status: ticket.status })
        .update({ status: 'rejected', closed_by: input.agent })
      return { status: changed === 1 ? 200 : 409 }
    },
  },
  traffic: [
    ['POST /tickets/:id/close', { id: 1, agent: 'fay' }],
    ['POST /tickets/:id/reject', { id: 1, agent: 'gus' }],
    ['POST /tickets/:id/reject', { id: 2, agent: 'gus' }],
    ['POST /tickets/:id/close', { id: 3, agent: 'fay' }],
    ['POST /tickets/:id/close', { id: 4, agent: 'fay' }],
    ['POST /tickets/:id/reject', { id: 5, agent: 'fay' }],
    ['POST /tickets/:id/close', { id: 50, agent: 'fay' }],
    ['POST /tickets/:id/reject', { id: 50, agent: 'fay' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'status in the WHERE of the update',
      first: ['POST /tickets/:id/close', { id: 6, agent: 'hal' }],
      second: ['POST /tickets/:id/reject', { id: 6, agent: 'ida' }],
    },
  ],
})

interface Court {
  id: number
  name: string
}

interface Reservation {
  id: number
  courtId: number
  day: string
  hour: number
  player: string
}

const CourtEntity = new EntitySchema<Court>({
  name: 'Court',
  tableName: 'courts',
  columns: { id: { type: 'int', primary: true }, name: { type: 'text' } },
})

const ReservationEntity = new EntitySchema<Reservation>({
  name: 'Reservation',
  tableName: 'reservations',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    courtId: { name: 'court_id', type: 'int' },
    day: { type: 'date' },
    hour: { type: 'int' },
    player: { type: 'text' },
  },
})

const lockedCourt = typeormCase([CourtEntity, ReservationEntity], {
  name: 'tennis: the court is locked before its hours are looked at',
  schema: `create table courts (id int primary key, name text not null);
    create table reservations (id serial primary key, court_id int not null references courts, day date not null,
      hour int not null, player text not null)`,
  seed: `insert into courts values (1, 'centre'), (2, 'clay');
    insert into reservations (court_id, day, hour, player) values (1, '2030-07-01', 9, 'p1')`,
  routes: {
    'POST /courts/:id/reservations': async (source, input) =>
      await source.transaction(async (manager) => {
        const { id, day, hour, player } = input as { id: number; day: string; hour: number; player: string }
        const court = await manager.findOne(CourtEntity, { where: { id }, lock: { mode: 'pessimistic_write' } })
        if (!court) return { status: 404 }
        const taken = await manager.findOneBy(ReservationEntity, { courtId: court.id, day, hour })
        if (taken) return { status: 409 }
        await manager.save(ReservationEntity, { courtId: court.id, day, hour, player })
        return { status: 201 }
      }),
  },
  traffic: [
    ['POST /courts/:id/reservations', { id: 1, day: '2030-07-01', hour: 9, player: 'p2' }],
    ['POST /courts/:id/reservations', { id: 1, day: '2030-07-01', hour: 10, player: 'p2' }],
    ['POST /courts/:id/reservations', { id: 2, day: '2030-07-01', hour: 9, player: 'p3' }],
    ['POST /courts/:id/reservations', { id: 2, day: '2030-07-01', hour: 9, player: 'p4' }],
    ['POST /courts/:id/reservations', { id: 7, day: '2030-07-01', hour: 9, player: 'p4' }],
    ['POST /courts/:id/reservations', { id: 2, day: '2030-07-02', hour: 9, player: 'p4' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'parent row locked',
      first: ['POST /courts/:id/reservations', { id: 1, day: '2030-08-01', hour: 9, player: 'p5' }],
      second: ['POST /courts/:id/reservations', { id: 1, day: '2030-08-01', hour: 9, player: 'p6' }],
    },
  ],
})

interface Trips {
  trips: { id: number; seats: number }
  passengers: { trip_id: number; name: string }
}

const lockedTrip = kyselyCase<Trips>({
  name: 'trip: seats counted behind a lock on the trip',
  schema: `create table trips (id int primary key, seats int not null);
    create table passengers (trip_id int references trips, name text, primary key (trip_id, name))`,
  seed: `insert into trips values (1, 2), (2, 20), (3, 3);
    insert into passengers values (1, 'a'), (3, 'a'), (3, 'b')`,
  routes: {
    'POST /trips/:id/passengers': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const { id, name } = input as { id: number; name: string }
        const trip = await trx.selectFrom('trips').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
        if (!trip) return { status: 404 }
        const { taken } = await trx
          .selectFrom('passengers')
          .select((eb) => eb.fn.countAll<string>().as('taken'))
          .where('trip_id', '=', trip.id)
          .executeTakeFirstOrThrow()
        if (Number(taken) >= trip.seats) return { status: 409 }
        await trx.insertInto('passengers').values({ trip_id: id, name }).execute()
        return { status: 201 }
      }),
  },
  traffic: [
    ['POST /trips/:id/passengers', { id: 2, name: 'a' }],
    ['POST /trips/:id/passengers', { id: 2, name: 'b' }],
    ['POST /trips/:id/passengers', { id: 1, name: 'c' }],
    ['POST /trips/:id/passengers', { id: 1, name: 'd' }],
    ['POST /trips/:id/passengers', { id: 9, name: 'd' }],
    ['POST /trips/:id/passengers', { id: 2, name: 'e' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'quota behind a lock on the parent',
      first: ['POST /trips/:id/passengers', { id: 3, name: 'y' }],
      second: ['POST /trips/:id/passengers', { id: 3, name: 'z' }],
    },
  ],
})

const serializableShift = pgCase({
  name: 'fire station: the last one stays, serializable with retry',
  schema: `create table crew (id int primary key, station text not null, on_duty boolean not null)`,
  seed: `insert into crew values (1, 'east', true), (2, 'east', true), (3, 'west', true), (4, 'west', false),
    (5, 'north', true), (6, 'north', true)`,
  routes: {
    'POST /crew/:id/leave': async (pool, input) => {
      const { id, station } = input as { id: number; station: string }
      return await retryOnConflict(5, async () =>
        inTransaction(
          pool,
          async (client) => {
            const { rows } = await client.query<{ id: number }>('select id from crew where station = $1 and on_duty', [
              station,
            ])
            if (!rows.some((person) => person.id === id)) return { status: 404 }
            if (rows.length < 2) return { status: 409 }
            await client.query('update crew set on_duty = false where id = $1', [id])
            return { status: 200 }
          },
          'BEGIN ISOLATION LEVEL SERIALIZABLE',
        ),
      )
    },
  },
  traffic: [
    ['POST /crew/:id/leave', { id: 1, station: 'east' }],
    ['POST /crew/:id/leave', { id: 2, station: 'east' }],
    ['POST /crew/:id/leave', { id: 3, station: 'west' }],
    ['POST /crew/:id/leave', { id: 4, station: 'west' }],
    ['POST /crew/:id/leave', { id: 1, station: 'east' }],
    ['POST /crew/:id/leave', { id: 6, station: 'east' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'write skew, serializable with retry',
      first: ['POST /crew/:id/leave', { id: 5, station: 'north' }],
      second: ['POST /crew/:id/leave', { id: 6, station: 'north' }],
    },
  ],
})

const upsertedBasket = postgresJsCase({
  name: 'basket: made on the first item, ON CONFLICT DO NOTHING',
  schema: `create table baskets (customer_id int not null, state text not null default 'open');
    create unique index on baskets (customer_id) where state = 'open'`,
  seed: `insert into baskets values (1, 'open'), (2, 'ordered')`,
  routes: {
    'POST /customers/:id/basket': async (sql, input) => {
      const { id } = input as { id: number }
      const [open] = await sql`select customer_id from baskets where customer_id = ${id} and state = 'open'`
      if (open) return { status: 200 }
      const made = await sql`insert into baskets (customer_id) values (${id})
        on conflict (customer_id) where state = 'open' do nothing returning customer_id`
      return { status: made.length ? 201 : 200 }
    },
  },
  traffic: [
    ['POST /customers/:id/basket', { id: 1 }],
    ['POST /customers/:id/basket', { id: 2 }],
    ['POST /customers/:id/basket', { id: 2 }],
    ['POST /customers/:id/basket', { id: 3 }],
    ['POST /customers/:id/basket', { id: 3 }],
    ['POST /customers/:id/basket', { id: 4 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'get or create with ON CONFLICT',
      first: ['POST /customers/:id/basket', { id: 7 }],
      second: ['POST /customers/:id/basket', { id: 7 }],
    },
  ],
})

export const cases: ClashCase[] = [
  lockedAccount,
  mergedBySql,
  conditionalStock,
  conditionalVoucher,
  uniqueName,
  conditionalStatus,
  lockedCourt,
  lockedTrip,
  serializableShift,
  upsertedBasket,
]
