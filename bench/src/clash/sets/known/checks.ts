import { eq, sql } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, postgresJsCase, typeormCase, type ClashCase } from '../../corpus.js'
import { inTransaction } from './transaction.js'

const coupons = pgTable('coupons', {
  code: text('code').primaryKey(),
  maxUses: integer('max_uses').notNull(),
  uses: integer('uses').notNull(),
})

const coupon = drizzleCase({
  name: 'coupon: uses checked, then counted up',
  schema: 'create table coupons (code text primary key, max_uses int not null, uses int not null default 0)',
  seed: `insert into coupons values ('SPRING', 100, 12), ('LAST1', 5, 4), ('GONE', 3, 3), ('VIP', 2, 0)`,
  routes: {
    'POST /coupons/:code/redeem': async (db, input) => {
      const { code } = input as { code: string }
      const [found] = await db.select().from(coupons).where(eq(coupons.code, code)).limit(1)
      if (!found) return { status: 404 }
      if (found.uses >= found.maxUses) return { status: 410 }
      await db
        .update(coupons)
        .set({ uses: sql`${coupons.uses} + 1` })
        .where(eq(coupons.code, code))
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /coupons/:code/redeem', { code: 'SPRING' }],
    ['POST /coupons/:code/redeem', { code: 'GONE' }],
    ['POST /coupons/:code/redeem', { code: 'VIP' }],
    ['POST /coupons/:code/redeem', { code: 'VIP' }],
    ['POST /coupons/:code/redeem', { code: 'VIP' }],
    ['POST /coupons/:code/redeem', { code: 'NOPE' }],
    ['POST /coupons/:code/redeem', { code: 'SPRING' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'check, then relative update',
      first: ['POST /coupons/:code/redeem', { code: 'LAST1' }],
      second: ['POST /coupons/:code/redeem', { code: 'LAST1' }],
    },
  ],
})

const username = pgCase({
  name: 'sign-up: name looked up, no unique index',
  schema: `create table users (id serial primary key, username text not null, created_at timestamptz not null default now());
    create index on users (username)`,
  seed: `insert into users (username) values ('root'), ('daisy')`,
  routes: {
    'POST /signup': async (pool, input) => {
      const { username } = input as { username: string }
      if (!/^[a-z]{3,12}$/.test(username)) return { status: 422 }
      const taken = await pool.query('select 1 from users where username = $1', [username])
      if (taken.rowCount) return { status: 409 }
      const { rows } = await pool.query('insert into users (username) values ($1) returning id', [username])
      return { status: 201, body: rows[0] }
    },
  },
  traffic: [
    ['POST /signup', { username: 'rose' }],
    ['POST /signup', { username: 'daisy' }],
    ['POST /signup', { username: '!' }],
    ['POST /signup', { username: 'violet' }],
    ['POST /signup', { username: 'rose' }],
    ['POST /signup', { username: 'tulip' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'check, then insert',
      first: ['POST /signup', { username: 'lily' }],
      second: ['POST /signup', { username: 'lily' }],
    },
  ],
})

const orderStatus = knexCase({
  name: 'order: confirm and cancel look at the status first',
  schema: `create table orders (id int primary key, status text not null, total numeric(10,2) not null)`,
  seed: `insert into orders values (1, 'pending', 10), (2, 'pending', 20.5), (3, 'cancelled', 5), (4, 'pending', 7),
    (5, 'confirmed', 8), (6, 'pending', 99)`,
  routes: {
    'POST /orders/:id/confirm': async (knex, input) => {
      const order = await knex('orders').where({ id: input.id }).first()
      if (!order) return { status: 404 }
      if (order.status !== 'pending') return { status: 409 }
      await knex('orders').where({ id: order.id }).update({ status: 'confirmed' })
      return { status: 200 }
    },
    'POST /orders/:id/cancel': async (knex, input) => {
      const order = await knex('orders').where({ id: input.id }).first('id', 'status')
      if (!order) return { status: 404 }
      if (order.status !== 'pending') return { status: 409 }
      await knex('orders').where('id', order.id).update({ status: 'cancelled' })
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /orders/:id/confirm', { id: 1 }],
    ['POST /orders/:id/cancel', { id: 1 }],
    ['POST /orders/:id/cancel', { id: 2 }],
    ['POST /orders/:id/confirm', { id: 3 }],
    ['POST /orders/:id/confirm', { id: 4 }],
    ['POST /orders/:id/confirm', { id: 4 }],
    ['POST /orders/:id/cancel', { id: 40 }],
    ['POST /orders/:id/confirm', { id: 40 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'check, then flip of a status',
      first: ['POST /orders/:id/confirm', { id: 6 }],
      second: ['POST /orders/:id/cancel', { id: 6 }],
    },
  ],
})

interface Booking {
  id: number
  roomId: number
  startsAt: Date
  endsAt: Date
  guest: string
}

const BookingEntity = new EntitySchema<Booking>({
  name: 'Booking',
  tableName: 'bookings',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    roomId: { name: 'room_id', type: 'int' },
    startsAt: { name: 'starts_at', type: 'timestamptz' },
    endsAt: { name: 'ends_at', type: 'timestamptz' },
    guest: { type: 'text' },
  },
})

const booking = typeormCase([BookingEntity], {
  name: 'rooms: overlap looked up, then the booking saved',
  schema: `create table bookings (id serial primary key, room_id int not null, starts_at timestamptz not null,
    ends_at timestamptz not null, guest text not null)`,
  seed: `insert into bookings (room_id, starts_at, ends_at, guest) values
    (1, '2030-05-01T09:00Z', '2030-05-01T10:00Z', 'kim'), (2, '2030-05-01T09:00Z', '2030-05-01T12:00Z', 'lou')`,
  routes: {
    'POST /rooms/:id/bookings': async (source, input) => {
      const { id, from, to, guest } = input as { id: number; from: string; to: string; guest: string }
      const [startsAt, endsAt] = [new Date(from), new Date(to)]
      if (startsAt >= endsAt) return { status: 422 }
      const bookings = source.getRepository(BookingEntity)
      const overlapping = await bookings
        .createQueryBuilder('b')
        .where('b.roomId = :id and b.startsAt < :endsAt and b.endsAt > :startsAt', { id, startsAt, endsAt })
        .getCount()
      if (overlapping > 0) return { status: 409 }
      await bookings.save({ roomId: id, startsAt, endsAt, guest })
      return { status: 201 }
    },
  },
  traffic: [
    ['POST /rooms/:id/bookings', { id: 1, from: '2030-05-01T10:00Z', to: '2030-05-01T11:00Z', guest: 'max' }],
    ['POST /rooms/:id/bookings', { id: 1, from: '2030-05-01T09:30Z', to: '2030-05-01T10:30Z', guest: 'ned' }],
    ['POST /rooms/:id/bookings', { id: 2, from: '2030-05-02T09:00Z', to: '2030-05-02T10:00Z', guest: 'oda' }],
    ['POST /rooms/:id/bookings', { id: 2, from: '2030-05-02T11:00Z', to: '2030-05-02T10:00Z', guest: 'oda' }],
    ['POST /rooms/:id/bookings', { id: 2, from: '2030-05-01T08:00Z', to: '2030-05-01T09:30Z', guest: 'pia' }],
    ['POST /rooms/:id/bookings', { id: 3, from: '2030-05-01T08:00Z', to: '2030-05-01T09:30Z', guest: 'pia' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'check, then insert, by range',
      first: ['POST /rooms/:id/bookings', { id: 1, from: '2030-06-01T09:00Z', to: '2030-06-01T11:00Z', guest: 'quin' }],
      second: ['POST /rooms/:id/bookings', { id: 1, from: '2030-06-01T10:00Z', to: '2030-06-01T12:00Z', guest: 'rae' }],
    },
  ],
})

interface Workshop {
  workshops: { id: number; title: string; capacity: number }
  registrations: { workshop_id: number; attendee: string; created_at: Generated<Date> }
}

const workshop = kyselyCase<Workshop>({
  name: 'workshop: seats counted in a transaction',
  schema: `create table workshops (id int primary key, title text not null, capacity int not null);
    create table registrations (workshop_id int references workshops, attendee text, created_at timestamptz not null default now(),
      primary key (workshop_id, attendee))`,
  seed: `insert into workshops values (1, 'Pottery', 2), (2, 'Weaving', 20), (3, 'Bread', 3);
    insert into registrations values (1, 'a@example.com'), (3, 'a@example.com'), (3, 'b@example.com')`,
  routes: {
    'POST /workshops/:id/register': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const { id, attendee } = input as { id: number; attendee: string }
        const workshop = await trx.selectFrom('workshops').selectAll().where('id', '=', id).executeTakeFirst()
        if (!workshop) return { status: 404 }
        const { taken } = await trx
          .selectFrom('registrations')
          .select((eb) => eb.fn.countAll<string>().as('taken'))
          .where('workshop_id', '=', id)
          .executeTakeFirstOrThrow()
        if (Number(taken) >= workshop.capacity) return { status: 409, body: { error: 'full' } }
        await trx.insertInto('registrations').values({ workshop_id: id, attendee }).execute()
        return { status: 201 }
      }),
  },
  traffic: [
    ['POST /workshops/:id/register', { id: 2, attendee: 'a@example.com' }],
    ['POST /workshops/:id/register', { id: 2, attendee: 'b@example.com' }],
    ['POST /workshops/:id/register', { id: 1, attendee: 'c@example.com' }],
    ['POST /workshops/:id/register', { id: 1, attendee: 'd@example.com' }],
    ['POST /workshops/:id/register', { id: 9, attendee: 'd@example.com' }],
    ['POST /workshops/:id/register', { id: 2, attendee: 'e@example.com' }],
    ['POST /workshops/:id/register', { id: 1, attendee: 'e@example.com' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'quota by count',
      first: ['POST /workshops/:id/register', { id: 3, attendee: 'y@example.com' }],
      second: ['POST /workshops/:id/register', { id: 3, attendee: 'z@example.com' }],
    },
  ],
})

const invoices = pgTable('invoices', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  orgId: integer('org_id').notNull(),
  number: integer('number').notNull(),
  customer: text('customer').notNull(),
})

const invoice = drizzleCase({
  name: 'invoices: next number is the greatest plus one',
  schema: `create table invoices (id int generated always as identity primary key, org_id int not null, number int not null,
    customer text not null)`,
  seed: `insert into invoices (org_id, number, customer) values (1, 1, 'Acme'), (1, 2, 'Globex'), (2, 41, 'Initech')`,
  routes: {
    'POST /orgs/:id/invoices': async (db, input) => {
      const { id, customer } = input as { id: number; customer: string }
      if (!customer) return { status: 422 }
      const [last] = await db
        .select({ number: sql<number>`coalesce(max(${invoices.number}), 0)`.mapWith(Number) })
        .from(invoices)
        .where(eq(invoices.orgId, id))
      const number = (last?.number ?? 0) + 1
      await db.insert(invoices).values({ orgId: id, number, customer })
      return { status: 201, body: { number } }
    },
  },
  traffic: [
    ['POST /orgs/:id/invoices', { id: 1, customer: 'Hooli' }],
    ['POST /orgs/:id/invoices', { id: 2, customer: 'Acme' }],
    ['POST /orgs/:id/invoices', { id: 2, customer: '' }],
    ['POST /orgs/:id/invoices', { id: 3, customer: 'Acme' }],
    ['POST /orgs/:id/invoices', { id: 1, customer: 'Umbrella' }],
    ['POST /orgs/:id/invoices', { id: 3, customer: 'Globex' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'greatest plus one',
      first: ['POST /orgs/:id/invoices', { id: 1, customer: 'Stark' }],
      second: ['POST /orgs/:id/invoices', { id: 1, customer: 'Wayne' }],
    },
  ],
})

const onCall = pgCase({
  name: 'ward: at least one doctor stays on call',
  schema: `create table doctors (id int primary key, ward text not null, name text not null, on_call boolean not null)`,
  seed: `insert into doctors values (1, 'east', 'Dr A', true), (2, 'east', 'Dr B', true), (3, 'west', 'Dr C', true),
    (4, 'west', 'Dr D', false), (5, 'north', 'Dr E', true), (6, 'north', 'Dr F', true)`,
  routes: {
    'POST /doctors/:id/sign-off': async (pool, input) =>
      await inTransaction(pool, async (client) => {
        const { id, ward } = input as { id: number; ward: string }
        const { rows } = await client.query<{ id: number }>('select id from doctors where ward = $1 and on_call', [
          ward,
        ])
        if (!rows.some((doctor) => doctor.id === id)) return { status: 404 }
        if (rows.length < 2) return { status: 409, body: { error: 'you are the last one' } }
        await client.query('update doctors set on_call = false where id = $1', [id])
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /doctors/:id/sign-off', { id: 1, ward: 'east' }],
    ['POST /doctors/:id/sign-off', { id: 2, ward: 'east' }],
    ['POST /doctors/:id/sign-off', { id: 3, ward: 'west' }],
    ['POST /doctors/:id/sign-off', { id: 4, ward: 'west' }],
    ['POST /doctors/:id/sign-off', { id: 1, ward: 'east' }],
    ['POST /doctors/:id/sign-off', { id: 6, ward: 'east' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'write skew',
      first: ['POST /doctors/:id/sign-off', { id: 5, ward: 'north' }],
      second: ['POST /doctors/:id/sign-off', { id: 6, ward: 'north' }],
    },
  ],
})

const carts = postgresJsCase({
  name: 'cart: made on the first item',
  schema: `create table carts (id serial primary key, customer_id int not null, state text not null default 'open')`,
  seed: `insert into carts (customer_id, state) values (1, 'open'), (2, 'ordered')`,
  routes: {
    'POST /customers/:id/cart': async (sql, input) => {
      const { id } = input as { id: number }
      const [open] = await sql`select id from carts where customer_id = ${id} and state = 'open'`
      if (open) return { status: 200, body: open }
      const [created] = await sql`insert into carts (customer_id) values (${id}) returning id`
      return { status: 201, body: created }
    },
  },
  traffic: [
    ['POST /customers/:id/cart', { id: 1 }],
    ['POST /customers/:id/cart', { id: 2 }],
    ['POST /customers/:id/cart', { id: 2 }],
    ['POST /customers/:id/cart', { id: 3 }],
    ['POST /customers/:id/cart', { id: 3 }],
    ['POST /customers/:id/cart', { id: 4 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'get or create',
      first: ['POST /customers/:id/cart', { id: 7 }],
      second: ['POST /customers/:id/cart', { id: 7 }],
    },
  ],
})

export const cases: ClashCase[] = [coupon, username, orderStatus, booking, workshop, invoice, onCall, carts]
