import { sql } from 'kysely'
import { kyselyCase, type ClashCase } from '../../corpus.js'
import { readSqlState } from './transaction.js'

interface Billing {
  invoices: { tenant: string; number: number; reference: string }
}

interface Sales {
  clients: { id: number; name: string }
  sales: { client_id: number; amount: string }
  totals: { client_id: number; total: string }
}

interface Reviews {
  books: { id: number; rating: string | null; copies: number }
  reviews: { book_id: number; reader: string; stars: number }
}

interface Rooms {
  bookings: { room: number; title: string; during: string }
  meetings: { room: number; title: string; during: string }
}

interface Warehouse {
  items: { warehouse: string; sku: string; on_hand: number }
  reservations: { warehouse: string; sku: string; order_no: number; pieces: number }
}

/** Kysely: values that are derived from other rows, and stored. */
export const cases: ClashCase[] = [
  kyselyCase<Billing>({
    name: 'invoice numbers per tenant, unique',
    schema: `create table invoices (tenant text not null, number integer not null, reference text not null,
      primary key (tenant, number))`,
    seed: `insert into invoices values ('acme', 1, 'a'), ('acme', 2, 'b'), ('umbra', 1, 'c')`,
    routes: {
      // No duplicate is stored, but a caller is refused who would not have been.
      issue: async (db, input) => {
        const { tenant, reference } = input as { tenant: string; reference: string }
        const { last } = await db
          .selectFrom('invoices')
          .select((eb) => eb.fn.max('number').as('last'))
          .where('tenant', '=', tenant)
          .executeTakeFirstOrThrow()
        try {
          await db
            .insertInto('invoices')
            .values({ tenant, number: (last ?? 0) + 1, reference })
            .execute()
        } catch (error) {
          if (readSqlState(error) === '23505') return { status: 409 }
          throw error
        }
        return { status: 201 }
      },
      bill: async (db, input) => {
        const { tenant, reference } = input as { tenant: string; reference: string }
        const { last } = await db
          .selectFrom('invoices')
          .select((eb) => eb.fn.max('number').as('last'))
          .where('tenant', '=', tenant)
          .executeTakeFirstOrThrow()
        await db
          .insertInto('invoices')
          .values({ tenant, number: (last ?? 0) + 1, reference })
          .execute()
        return { status: 201 }
      },
    },
    traffic: [
      ['issue', { tenant: 'umbra', reference: 'd' }],
      ['bill', { tenant: 'umbra', reference: 'e' }],
      ['issue', { tenant: 'nova', reference: 'f' }],
      ['bill', { tenant: 'nova', reference: 'g' }],
      ['bill', { tenant: 'zeta', reference: 'h' }],
      ['issue', { tenant: 'acme', reference: 'i' }],
    ],
    pairs: [
      {
        // Written as a clash: neither order refuses. Whoever is told 409 comes again, so by our rule it is noticed.
        label: 'safe',
        kind: 'max + 1: the unique index turns it into a refusal',
        first: ['issue', { tenant: 'acme', reference: 'x' }],
        second: ['issue', { tenant: 'acme', reference: 'y' }],
      },
      {
        label: 'safe',
        kind: 'max + 1: the unique index turns it into a failure (500)',
        first: ['bill', { tenant: 'acme', reference: 'x' }],
        second: ['bill', { tenant: 'acme', reference: 'y' }],
      },
    ],
  }),

  kyselyCase<Sales>({
    name: 'total of a client, summed anew',
    schema: `
      create table clients (id integer primary key, name text not null);
      create table sales (client_id integer not null references clients (id), amount numeric not null);
      create table totals (client_id integer primary key, total numeric not null)`,
    seed: `
      insert into clients values (1, 'one'), (2, 'two'), (3, 'three');
      insert into sales values (1, 10.00), (2, 5.50);
      insert into totals values (1, 10.00), (2, 5.50)`,
    routes: {
      sell: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { client, amount } = input as { client: number; amount: string }
          const found = await trx.selectFrom('clients').select('id').where('id', '=', client).executeTakeFirst()
          if (!found) return { status: 404 }
          await trx.insertInto('sales').values({ client_id: client, amount }).execute()
          await trx
            .insertInto('totals')
            .columns(['client_id', 'total'])
            .expression((eb) =>
              eb
                .selectFrom('sales')
                .select((inner) => ['client_id', inner.fn.sum<string>('amount').as('total')])
                .where('client_id', '=', client)
                .groupBy('client_id'),
            )
            .onConflict((conflict) =>
              conflict.column('client_id').doUpdateSet((eb) => ({ total: eb.ref('excluded.total') })),
            )
            .execute()
          return { status: 201 }
        }),
      charge: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { client, amount } = input as { client: number; amount: string }
          const found = await trx.selectFrom('clients').select('id').where('id', '=', client).executeTakeFirst()
          if (!found) return { status: 404 }
          await trx.insertInto('sales').values({ client_id: client, amount }).execute()
          await trx
            .insertInto('totals')
            .values({ client_id: client, total: amount })
            .onConflict((conflict) =>
              conflict.column('client_id').doUpdateSet({ total: sql<string>`totals.total + excluded.total` }),
            )
            .execute()
          return { status: 201 }
        }),
    },
    traffic: [
      ['sell', { client: 2, amount: '1.25' }],
      ['charge', { client: 2, amount: '2.00' }],
      ['sell', { client: 3, amount: '9.99' }],
      ['charge', { client: 3, amount: '0.01' }],
      ['sell', { client: 9, amount: '1.00' }],
      ['charge', { client: 9, amount: '1.00' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'upsert of a sum that is older than the wait',
        first: ['sell', { client: 1, amount: '3.00' }],
        second: ['sell', { client: 1, amount: '4.00' }],
      },
      {
        label: 'safe',
        kind: 'upsert that adds what was inserted',
        first: ['charge', { client: 1, amount: '3.00' }],
        second: ['charge', { client: 1, amount: '4.00' }],
      },
      {
        label: 'clash',
        kind: 'the sum overwrites an addition',
        first: ['sell', { client: 1, amount: '3.00' }],
        second: ['charge', { client: 1, amount: '4.00' }],
      },
    ],
  }),

  kyselyCase<Reviews>({
    name: 'rating of a book from its reviews',
    schema: `
      create table books (id integer primary key, rating numeric(3, 2), copies integer not null);
      create table reviews (book_id integer not null, reader text not null, stars integer not null,
        primary key (book_id, reader))`,
    seed: `
      insert into books values (1, 4, 3), (2, null, 1), (3, null, 0);
      insert into reviews values (1, 'al', 4)`,
    routes: {
      review: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { book, reader, stars } = input as { book: number; reader: string; stars: number }
          await trx
            .insertInto('reviews')
            .values({ book_id: book, reader, stars })
            .onConflict((conflict) => conflict.columns(['book_id', 'reader']).doUpdateSet({ stars }))
            .execute()
          const updated = await trx
            .updateTable('books')
            .set((eb) => ({
              rating: eb
                .selectFrom('reviews')
                .select(sql<string>`round(avg(stars), 2)`.as('rating'))
                .where('book_id', '=', book),
            }))
            .where('id', '=', book)
            .returning('rating')
            .executeTakeFirst()
          if (!updated) throw new Error('no such book')
          return { status: 200, body: updated }
        }),
      rate: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { book, reader, stars } = input as { book: number; reader: string; stars: number }
          // Touches the row for its lock only.
          const locked = await trx
            .updateTable('books')
            .set((eb) => ({ copies: eb.ref('copies') }))
            .where('id', '=', book)
            .executeTakeFirst()
          if (locked.numUpdatedRows === 0n) return { status: 404 }
          await trx
            .insertInto('reviews')
            .values({ book_id: book, reader, stars })
            .onConflict((conflict) => conflict.columns(['book_id', 'reader']).doUpdateSet({ stars }))
            .execute()
          const { mean } = await trx
            .selectFrom('reviews')
            .select((eb) => eb.fn.avg<string>('stars').as('mean'))
            .where('book_id', '=', book)
            .executeTakeFirstOrThrow()
          await trx
            .updateTable('books')
            .set({ rating: Number(mean).toFixed(2) })
            .where('id', '=', book)
            .execute()
          return { status: 200 }
        }),
    },
    traffic: [
      ['review', { book: 2, reader: 'al', stars: 5 }],
      ['review', { book: 2, reader: 'bo', stars: 2 }],
      ['rate', { book: 2, reader: 'cy', stars: 3 }],
      ['rate', { book: 2, reader: 'cy', stars: 4 }],
      ['rate', { book: 9, reader: 'cy', stars: 4 }],
      ['review', { book: 3, reader: 'al', stars: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'sub-select in SET is not of after the wait',
        first: ['review', { book: 1, reader: 'bo', stars: 1 }],
        second: ['review', { book: 1, reader: 'cy', stars: 5 }],
      },
      {
        label: 'safe',
        kind: 'an update that changes nothing is the lock; mean written by JavaScript',
        first: ['rate', { book: 1, reader: 'bo', stars: 1 }],
        second: ['rate', { book: 1, reader: 'cy', stars: 5 }],
      },
    ],
  }),

  kyselyCase<Rooms>({
    name: 'meeting rooms, with and without exclusion',
    schema: `
      create table bookings (room integer not null, title text not null, during int4range not null);
      create table meetings (room integer not null, title text not null, during int4range not null,
        exclude using gist (int4range(room, room, '[]') with &&, during with &&))`,
    seed: `
      insert into bookings values (1, 'standup', '[540,555)');
      insert into meetings values (1, 'standup', '[540,555)')`,
    routes: {
      book: async (db, input) =>
        await db
          .transaction()
          .setIsolationLevel('repeatable read')
          .execute(async (trx) => {
            const { room, from, to, title } = input as { room: number; from: number; to: number; title: string }
            const clash = await trx
              .selectFrom('bookings')
              .select('title')
              .where('room', '=', room)
              .where(sql<boolean>`during && int4range(${from}::int, ${to}::int)`)
              .executeTakeFirst()
            if (clash) return { status: 409, body: clash }
            await trx
              .insertInto('bookings')
              .values({ room, title, during: `[${from},${to})` })
              .execute()
            return { status: 201 }
          }),
      meet: async (db, input) => {
        const { room, from, to, title } = input as { room: number; from: number; to: number; title: string }
        const clash = await db
          .selectFrom('meetings')
          .select('title')
          .where('room', '=', room)
          .where(sql<boolean>`during && int4range(${from}::int, ${to}::int)`)
          .executeTakeFirst()
        if (clash) return { status: 409, body: clash }
        try {
          await db
            .insertInto('meetings')
            .values({ room, title, during: `[${from},${to})` })
            .execute()
        } catch (error) {
          if (readSqlState(error) === '23P01') return { status: 409 }
          throw error
        }
        return { status: 201 }
      },
    },
    traffic: [
      ['book', { room: 1, from: 600, to: 660, title: 'plan' }],
      ['book', { room: 1, from: 630, to: 640, title: 'one to one' }],
      ['book', { room: 2, from: 630, to: 640, title: 'one to one' }],
      ['meet', { room: 1, from: 600, to: 660, title: 'plan' }],
      ['meet', { room: 1, from: 655, to: 670, title: 'retro' }],
      ['meet', { room: 2, from: 655, to: 670, title: 'retro' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'overlap checked under REPEATABLE READ',
        first: ['book', { room: 3, from: 600, to: 660, title: 'a' }],
        second: ['book', { room: 3, from: 630, to: 690, title: 'b' }],
      },
      {
        label: 'safe',
        kind: 'exclusion constraint behind the check',
        first: ['meet', { room: 3, from: 600, to: 660, title: 'a' }],
        second: ['meet', { room: 3, from: 630, to: 690, title: 'b' }],
      },
      {
        label: 'safe',
        kind: 'the same unguarded route, ranges that only touch',
        first: ['book', { room: 3, from: 600, to: 660, title: 'a' }],
        second: ['book', { room: 3, from: 660, to: 690, title: 'b' }],
      },
    ],
  }),

  kyselyCase<Warehouse>({
    name: 'pieces that are not reserved',
    schema: `
      create table items (warehouse text not null, sku text not null, on_hand integer not null,
        primary key (warehouse, sku));
      create table reservations (warehouse text not null, sku text not null, order_no integer not null,
        pieces integer not null, primary key (warehouse, sku, order_no))`,
    seed: `
      insert into items values ('east', 'bolt', 10), ('west', 'bolt', 100), ('west', 'gear', 3);
      insert into reservations values ('east', 'bolt', 1, 2)`,
    routes: {
      reserve: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { warehouse, sku, order, pieces } = input as Record<'warehouse' | 'sku', string> &
            Record<'order' | 'pieces', number>
          const stock = await trx
            .selectFrom('items as i')
            .leftJoin(
              (eb) =>
                eb
                  .selectFrom('reservations')
                  .select((inner) => ['warehouse', 'sku', inner.fn.sum('pieces').as('promised')])
                  .groupBy(['warehouse', 'sku'])
                  .as('r'),
              (join) => join.onRef('r.warehouse', '=', 'i.warehouse').onRef('r.sku', '=', 'i.sku'),
            )
            .select(['i.on_hand', 'r.promised'])
            .where('i.warehouse', '=', warehouse)
            .where('i.sku', '=', sku)
            .executeTakeFirst()
          if (!stock) return { status: 404 }
          if (stock.on_hand - Number(stock.promised ?? 0) < pieces) return { status: 409 }
          await trx.insertInto('reservations').values({ warehouse, sku, order_no: order, pieces }).execute()
          return { status: 201 }
        }),
      secure: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { warehouse, sku, order, pieces } = input as Record<'warehouse' | 'sku', string> &
            Record<'order' | 'pieces', number>
          const item = await trx
            .selectFrom('items')
            .select('on_hand')
            .where('warehouse', '=', warehouse)
            .where('sku', '=', sku)
            .forUpdate()
            .executeTakeFirst()
          if (!item) return { status: 404 }
          const { promised } = await trx
            .selectFrom('reservations')
            .select((eb) => eb.fn.coalesce(eb.fn.sum<string>('pieces'), sql<string>`0`).as('promised'))
            .where('warehouse', '=', warehouse)
            .where('sku', '=', sku)
            .executeTakeFirstOrThrow()
          if (item.on_hand - Number(promised) < pieces) return { status: 409 }
          await trx.insertInto('reservations').values({ warehouse, sku, order_no: order, pieces }).execute()
          return { status: 201 }
        }),
    },
    traffic: [
      ['reserve', { warehouse: 'west', sku: 'bolt', order: 10, pieces: 40 }],
      ['secure', { warehouse: 'west', sku: 'bolt', order: 11, pieces: 40 }],
      ['reserve', { warehouse: 'west', sku: 'bolt', order: 12, pieces: 40 }],
      ['secure', { warehouse: 'west', sku: 'bolt', order: 13, pieces: 40 }],
      ['reserve', { warehouse: 'west', sku: 'gear', order: 14, pieces: 1 }],
      ['secure', { warehouse: 'east', sku: 'gear', order: 15, pieces: 1 }],
      ['reserve', { warehouse: 'east', sku: 'gear', order: 16, pieces: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'availability from a join with a sum',
        first: ['reserve', { warehouse: 'east', sku: 'bolt', order: 20, pieces: 5 }],
        second: ['reserve', { warehouse: 'east', sku: 'bolt', order: 21, pieces: 6 }],
      },
      {
        label: 'safe',
        kind: 'item locked, sum in the next statement',
        first: ['secure', { warehouse: 'east', sku: 'bolt', order: 20, pieces: 5 }],
        second: ['secure', { warehouse: 'east', sku: 'bolt', order: 21, pieces: 6 }],
      },
    ],
  }),
]
