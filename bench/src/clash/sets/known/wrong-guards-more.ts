import { and, eq } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, postgresJsCase, typeormCase, type ClashCase } from '../../corpus.js'
import { inTransaction } from './transaction.js'

const emptyLock = knexCase({
  name: 'desks: FOR UPDATE of a row that is not there yet',
  schema: `create table desk_days (id serial primary key, desk text not null, day date not null, person text not null)`,
  seed: `insert into desk_days (desk, day, person) values ('d1', '2030-02-01', 'ann'), ('d2', '2030-02-01', 'bob')`,
  routes: {
    'POST /desks/:desk/book': async (knex, input) =>
      await knex.transaction(async (trx) => {
        const { desk, day, person } = input as { desk: string; day: string; person: string }
        const taken = await trx('desk_days').where({ desk, day }).forUpdate().first()
        if (taken) return { status: 409 }
        await trx('desk_days').insert({ desk, day, person })
        return { status: 201 }
      }),
  },
  traffic: [
    ['POST /desks/:desk/book', { desk: 'd1', day: '2030-02-01', person: 'cat' }],
    ['POST /desks/:desk/book', { desk: 'd1', day: '2030-02-02', person: 'cat' }],
    ['POST /desks/:desk/book', { desk: 'd2', day: '2030-02-02', person: 'ann' }],
    ['POST /desks/:desk/book', { desk: 'd2', day: '2030-02-01', person: 'ann' }],
    ['POST /desks/:desk/book', { desk: 'd3', day: '2030-02-01', person: 'ann' }],
    ['POST /desks/:desk/book', { desk: 'd3', day: '2030-02-01', person: 'bob' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'FOR UPDATE of no row, then insert',
      first: ['POST /desks/:desk/book', { desk: 'd3', day: '2030-02-09', person: 'dan' }],
      second: ['POST /desks/:desk/book', { desk: 'd3', day: '2030-02-09', person: 'eve' }],
    },
  ],
})

const bills = pgTable('bills', {
  id: integer('id').primaryKey(),
  status: text('status').notNull(),
  cents: integer('cents').notNull(),
})

const payments = pgTable('payments', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  billId: integer('bill_id').notNull(),
  cents: integer('cents').notNull(),
})

const ignoredCount = drizzleCase({
  name: 'bills: conditional update whose count is not looked at',
  schema: `create table bills (id int primary key, status text not null, cents int not null);
    create table payments (id int generated always as identity primary key, bill_id int not null, cents int not null)`,
  seed: `insert into bills values (1, 'open', 1200), (2, 'open', 300), (3, 'paid', 50), (4, 'open', 999)`,
  routes: {
    'POST /bills/:id/pay': async (db, input) =>
      await db.transaction(async (tx) => {
        const { id } = input as { id: number }
        const [bill] = await tx.select().from(bills).where(eq(bills.id, id))
        if (!bill) return { status: 404 }
        if (bill.status !== 'open') return { status: 409 }
        await tx
          .update(bills)
          .set({ status: 'paid' })
          .where(and(eq(bills.id, id), eq(bills.status, 'open')))
        await tx.insert(payments).values({ billId: id, cents: bill.cents })
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /bills/:id/pay', { id: 1 }],
    ['POST /bills/:id/pay', { id: 1 }],
    ['POST /bills/:id/pay', { id: 3 }],
    ['POST /bills/:id/pay', { id: 8 }],
    ['POST /bills/:id/pay', { id: 2 }],
    ['POST /bills/:id/pay', { id: 2 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'compare-and-set, count ignored',
      first: ['POST /bills/:id/pay', { id: 4 }],
      second: ['POST /bills/:id/pay', { id: 4 }],
    },
  ],
})

const autocommitAdvisory = postgresJsCase({
  name: 'lottery: advisory lock of a transaction that ends at once',
  schema: `create table pots (id int primary key, cents int not null)`,
  seed: `insert into pots values (1, 100), (2, 0), (3, 4000)`,
  routes: {
    'POST /pots/:id/draw': async (sql, input) => {
      const { id, cents } = input as { id: number; cents: number }
      await sql`select pg_advisory_xact_lock(${id})`
      const [pot] = await sql<{ cents: number }[]>`select cents from pots where id = ${id}`
      if (!pot) return { status: 404 }
      if (pot.cents < cents) return { status: 409 }
      await sql`update pots set cents = ${pot.cents - cents} where id = ${id}`
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /pots/:id/draw', { id: 1, cents: 30 }],
    ['POST /pots/:id/draw', { id: 2, cents: 30 }],
    ['POST /pots/:id/draw', { id: 3, cents: 700 }],
    ['POST /pots/:id/draw', { id: 5, cents: 700 }],
    ['POST /pots/:id/draw', { id: 1, cents: 95 }],
    ['POST /pots/:id/draw', { id: 3, cents: 41 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'advisory lock in autocommit',
      first: ['POST /pots/:id/draw', { id: 3, cents: 650 }],
      second: ['POST /pots/:id/draw', { id: 3, cents: 120 }],
    },
  ],
})

const unmovedVersion = pgCase({
  name: 'inventory: one of two writers leaves the version alone',
  schema: `create table parts (id int primary key, quantity int not null, version int not null default 0)`,
  seed: `insert into parts values (1, 50, 3), (2, 4, 0), (3, 75, 8)`,
  routes: {
    'POST /parts/:id/take': async (pool, input) => {
      const { id, count } = input as { id: number; count: number }
      for (let attempt = 0; attempt < 5; attempt++) {
        const { rows } = await pool.query<{ quantity: number; version: number }>(
          'select quantity, version from parts where id = $1',
          [id],
        )
        const part = rows[0]
        if (!part) return { status: 404 }
        if (part.quantity < count) return { status: 409 }
        const { rowCount } = await pool.query(
          'update parts set quantity = $1, version = version + 1 where id = $2 and version = $3',
          [part.quantity - count, id, part.version],
        )
        if (rowCount === 1) return { status: 200 }
      }
      throw new Error('too many attempts')
    },
    'POST /parts/:id/return': async (pool, input) => {
      const { id, count } = input as { id: number; count: number }
      const { rowCount } = await pool.query('update parts set quantity = quantity + $1 where id = $2', [count, id])
      return { status: rowCount ? 200 : 404 }
    },
  },
  traffic: [
    ['POST /parts/:id/take', { id: 1, count: 7 }],
    ['POST /parts/:id/take', { id: 2, count: 9 }],
    ['POST /parts/:id/return', { id: 1, count: 2 }],
    ['POST /parts/:id/return', { id: 6, count: 2 }],
    ['POST /parts/:id/take', { id: 6, count: 2 }],
    ['POST /parts/:id/take', { id: 3, count: 20 }],
    ['POST /parts/:id/return', { id: 2, count: 11 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'the other writer leaves the version alone',
      first: ['POST /parts/:id/take', { id: 3, count: 6 }],
      second: ['POST /parts/:id/return', { id: 3, count: 10 }],
    },
    {
      label: 'safe',
      kind: 'version compared, with retry',
      first: ['POST /parts/:id/take', { id: 3, count: 6 }],
      second: ['POST /parts/:id/take', { id: 3, count: 13 }],
    },
  ],
})

interface Buyer {
  id: number
  name: string
}

interface Seat {
  id: string
  buyerId: number | null
}

const BuyerEntity = new EntitySchema<Buyer>({
  name: 'Buyer',
  tableName: 'buyers',
  columns: { id: { type: 'int', primary: true }, name: { type: 'text' } },
})

const SeatEntity = new EntitySchema<Seat>({
  name: 'Seat',
  tableName: 'seats',
  columns: {
    id: { type: 'text', primary: true },
    buyerId: { name: 'buyer_id', type: 'int', nullable: true },
  },
})

const wrongRow = typeormCase([BuyerEntity, SeatEntity], {
  name: 'theatre: the buyer is locked, the seat is not',
  schema: `create table buyers (id int primary key, name text not null);
    create table seats (id text primary key, buyer_id int references buyers)`,
  seed: `insert into buyers values (1, 'ann'), (2, 'bob'), (3, 'cat'), (4, 'dan');
    insert into seats values ('a1', null), ('a2', 1), ('a3', null), ('a4', null)`,
  routes: {
    'POST /seats/:id/take': async (source, input) =>
      await source.transaction(async (manager) => {
        const { id, buyerId } = input as { id: string; buyerId: number }
        const buyer = await manager.findOne(BuyerEntity, {
          where: { id: buyerId },
          lock: { mode: 'pessimistic_write' },
        })
        if (!buyer) return { status: 401 }
        const seat = await manager.findOneBy(SeatEntity, { id })
        if (!seat) return { status: 404 }
        if (seat.buyerId !== null) return { status: 409 }
        await manager.update(SeatEntity, { id }, { buyerId: buyer.id })
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /seats/:id/take', { id: 'a1', buyerId: 2 }],
    ['POST /seats/:id/take', { id: 'a2', buyerId: 2 }],
    ['POST /seats/:id/take', { id: 'z9', buyerId: 2 }],
    ['POST /seats/:id/take', { id: 'a3', buyerId: 77 }],
    ['POST /seats/:id/take', { id: 'a3', buyerId: 3 }],
    ['POST /seats/:id/take', { id: 'a3', buyerId: 1 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lock on the wrong row',
      first: ['POST /seats/:id/take', { id: 'a4', buyerId: 3 }],
      second: ['POST /seats/:id/take', { id: 'a4', buyerId: 4 }],
    },
  ],
})

interface Lending {
  loans: { id: number; tool_id: number; borrower: string; days: number }
  tools: { id: number; wear: number }
}

const wrongTable = kyselyCase<Lending>({
  name: 'tool library: FOR UPDATE OF the other table of the join',
  schema: `create table tools (id int primary key, wear int not null);
    create table loans (id int primary key, tool_id int not null references tools, borrower text not null, days int not null)`,
  seed: `insert into tools values (1, 10), (2, 0), (3, 45);
    insert into loans values (1, 1, 'ann', 3), (2, 1, 'bob', 5), (3, 2, 'cat', 1), (4, 3, 'dan', 7), (5, 3, 'eve', 2)`,
  routes: {
    'POST /loans/:id/return': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const { id } = input as { id: number }
        const loan = await trx
          .selectFrom('loans')
          .innerJoin('tools', 'tools.id', 'loans.tool_id')
          .select(['loans.id', 'loans.days', 'tools.id as tool_id', 'tools.wear'])
          .where('loans.id', '=', id)
          .forUpdate('loans')
          .executeTakeFirst()
        if (!loan) return { status: 404 }
        await trx
          .updateTable('tools')
          .set({ wear: loan.wear + loan.days })
          .where('id', '=', loan.tool_id)
          .execute()
        await trx.deleteFrom('loans').where('id', '=', loan.id).execute()
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /loans/:id/return', { id: 1 }],
    ['POST /loans/:id/return', { id: 1 }],
    ['POST /loans/:id/return', { id: 3 }],
    ['POST /loans/:id/return', { id: 90 }],
    ['POST /loans/:id/return', { id: 2 }],
    ['POST /loans/:id/return', { id: 4 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'FOR UPDATE OF the wrong table',
      first: ['POST /loans/:id/return', { id: 4 }],
      second: ['POST /loans/:id/return', { id: 5 }],
    },
    {
      label: 'safe',
      kind: 'FOR UPDATE OF the row both want',
      first: ['POST /loans/:id/return', { id: 4 }],
      second: ['POST /loans/:id/return', { id: 4 }],
    },
  ],
})

const opaque = pgCase({
  name: 'parking: the work is done by a function of the database',
  schema: `create table garages (id int primary key, free int not null);
    create table parked (plate text primary key, garage_id int not null);
    create function enter_garage(garage int, car text) returns boolean language plpgsql as $$
    declare places int;
    begin
      select free into places from garages where id = garage;
      if places is null or places < 1 then return false; end if;
      insert into parked values (car, garage);
      update garages set free = places - 1 where id = garage;
      return true;
    end $$`,
  seed: `insert into garages values (1, 40), (2, 0), (3, 5)`,
  routes: {
    'POST /garages/:id/enter': async (pool, input) =>
      await inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ entered: boolean }>('select enter_garage($1, $2) as entered', [
          input.id,
          input.plate,
        ])
        return { status: rows[0]?.entered ? 200 : 409 }
      }),
  },
  traffic: [
    ['POST /garages/:id/enter', { id: 1, plate: 'AA-1' }],
    ['POST /garages/:id/enter', { id: 2, plate: 'AA-2' }],
    ['POST /garages/:id/enter', { id: 1, plate: 'AA-3' }],
    ['POST /garages/:id/enter', { id: 9, plate: 'AA-4' }],
    ['POST /garages/:id/enter', { id: 3, plate: 'AA-5' }],
    ['POST /garages/:id/enter', { id: 1, plate: 'AA-6' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update inside of a function',
      first: ['POST /garages/:id/enter', { id: 3, plate: 'BB-1' }],
      second: ['POST /garages/:id/enter', { id: 3, plate: 'BB-2' }],
      hidden: 'the body of a function',
    },
  ],
})

export const cases: ClashCase[] = [
  emptyLock,
  ignoredCount,
  autocommitAdvisory,
  unmovedVersion,
  wrongRow,
  wrongTable,
  opaque,
]
