import { pgCase, type ClashCase } from '../../corpus.js'
import { inTransaction, readSqlState } from './transaction.js'

/** Locks that are taken, and do not always help. */
export const cases: ClashCase[] = [
  pgCase({
    name: 'ledger summed under a lock',
    schema: `
      create table ledgers (id integer primary key, holder text not null);
      create table entries (id bigint generated always as identity primary key, ledger_id integer not null,
        amount integer not null, memo text)`,
    seed: `
      insert into ledgers values (1, 'north'), (2, 'south'), (3, 'east');
      insert into entries (ledger_id, amount) values (1, 60), (1, 40), (2, 500), (3, 5)`,
    routes: {
      // Waits for the lock, but the sum is of the snapshot that was taken before the wait.
      withdraw: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { ledger, amount } = input as { ledger: number; amount: number }
          const { rows } = await client.query<{ balance: string }>(
            `select l.id, (select coalesce(sum(e.amount), 0) from entries e where e.ledger_id = l.id) as balance
             from ledgers l where l.id = $1 for update`,
            [ledger],
          )
          if (!rows[0]) return { status: 404 }
          if (Number(rows[0].balance) < amount) return { status: 422 }
          await client.query('insert into entries (ledger_id, amount, memo) values ($1, $2, $3)', [
            ledger,
            -amount,
            'withdrawal',
          ])
          return { status: 201 }
        }),
      spend: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { ledger, amount } = input as { ledger: number; amount: number }
          const locked = await client.query('select 1 from ledgers where id = $1 for update', [ledger])
          if (locked.rowCount === 0) return { status: 404 }
          const { rows } = await client.query<{ balance: string }>(
            'select coalesce(sum(amount), 0) as balance from entries where ledger_id = $1',
            [ledger],
          )
          if (Number(rows[0]?.balance) < amount) return { status: 422 }
          await client.query('insert into entries (ledger_id, amount, memo) values ($1, $2, $3)', [
            ledger,
            -amount,
            'spending',
          ])
          return { status: 201 }
        }),
    },
    traffic: [
      ['withdraw', { ledger: 2, amount: 20 }],
      ['spend', { ledger: 2, amount: 30 }],
      ['withdraw', { ledger: 3, amount: 6 }],
      ['spend', { ledger: 3, amount: 6 }],
      ['withdraw', { ledger: 3, amount: 2 }],
      ['spend', { ledger: 3, amount: 2 }],
      ['withdraw', { ledger: 9, amount: 1 }],
      ['spend', { ledger: 9, amount: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'lock and sum in one statement: the sum is older than the lock',
        first: ['withdraw', { ledger: 1, amount: 80 }],
        second: ['withdraw', { ledger: 1, amount: 60 }],
      },
      {
        label: 'safe',
        kind: 'lock first, sum in the next statement',
        first: ['spend', { ledger: 1, amount: 80 }],
        second: ['spend', { ledger: 1, amount: 60 }],
      },
    ],
  }),

  pgCase({
    name: 'day slots with a row only for special days',
    schema: `
      create table special_days (day date primary key, capacity integer not null);
      create table visits (day date not null, visitor text not null)`,
    seed: `
      insert into special_days values ('2031-12-24', 1), ('2031-12-31', 2);
      insert into visits values ('2031-12-31', 'first'), ('2031-06-02', 'x'), ('2031-06-02', 'y')`,
    routes: {
      visit: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const special = await client.query<{ capacity: number }>(
            'select capacity from special_days where day = $1 for update',
            [input.day],
          )
          const capacity = special.rows[0]?.capacity ?? 3
          const { rows } = await client.query<{ visits: string }>(
            'select count(*) as visits from visits where day = $1',
            [input.day],
          )
          if (Number(rows[0]?.visits) >= capacity) return { status: 409 }
          await client.query('insert into visits (day, visitor) values ($1, $2)', [input.day, input.visitor])
          return { status: 201 }
        }),
    },
    traffic: [
      ['visit', { day: '2031-12-31', visitor: 'v1' }],
      ['visit', { day: '2031-12-31', visitor: 'v2' }],
      ['visit', { day: '2031-07-01', visitor: 'v1' }],
      ['visit', { day: '2031-07-01', visitor: 'v2' }],
      ['visit', { day: '2031-07-01', visitor: 'v3' }],
      ['visit', { day: '2031-07-01', visitor: 'v4' }],
      ['visit', { day: '2031-08-01', visitor: 'v9' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'FOR UPDATE of a row that does not exist',
        first: ['visit', { day: '2031-06-02', visitor: 'p' }],
        second: ['visit', { day: '2031-06-02', visitor: 'q' }],
      },
      {
        label: 'safe',
        kind: 'the same route where the guard row exists',
        first: ['visit', { day: '2031-12-24', visitor: 'p' }],
        second: ['visit', { day: '2031-12-24', visitor: 'q' }],
      },
    ],
  }),

  pgCase({
    name: 'hotel stays behind an advisory lock',
    schema: `create table stays (room integer not null, guest text not null, nights daterange not null)`,
    seed: `insert into stays values (7, 'zoe', '[2031-01-01,2031-01-05)')`,
    routes: {
      stay: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { room, from, to, guest } = input as { room: number; from: string; to: string; guest: string }
          await client.query('select pg_advisory_xact_lock(hashtext($1))', [`stay/${room}/${from}`])
          const overlap = await client.query(
            'select 1 from stays where room = $1 and nights && daterange($2::date, $3::date)',
            [room, from, to],
          )
          if (overlap.rows.length > 0) return { status: 409 }
          await client.query('insert into stays values ($1, $2, daterange($3::date, $4::date))', [
            room,
            guest,
            from,
            to,
          ])
          return { status: 201 }
        }),
    },
    traffic: [
      ['stay', { room: 1, from: '2031-02-01', to: '2031-02-04', guest: 'ann' }],
      ['stay', { room: 1, from: '2031-02-03', to: '2031-02-05', guest: 'ben' }],
      ['stay', { room: 1, from: '2031-02-04', to: '2031-02-05', guest: 'ben' }],
      ['stay', { room: 7, from: '2031-01-04', to: '2031-01-09', guest: 'cat' }],
      ['stay', { room: 7, from: '2031-01-05', to: '2031-01-09', guest: 'cat' }],
      ['stay', { room: 2, from: '2031-02-01', to: '2031-02-02', guest: 'dot' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'advisory lock keyed by the first night, stays of several nights',
        first: ['stay', { room: 5, from: '2031-03-01', to: '2031-03-08', guest: 'ann' }],
        second: ['stay', { room: 5, from: '2031-03-03', to: '2031-03-05', guest: 'ben' }],
      },
      {
        label: 'safe',
        kind: 'advisory lock, both have its key',
        first: ['stay', { room: 5, from: '2031-03-01', to: '2031-03-08', guest: 'ann' }],
        second: ['stay', { room: 5, from: '2031-03-01', to: '2031-03-02', guest: 'ben' }],
      },
    ],
  }),

  pgCase({
    name: 'queue tickets numbered under an advisory lock',
    schema: `create table tickets (counter text not null, number integer not null, customer text not null)`,
    seed: `insert into tickets values ('post', 1, 'a'), ('post', 2, 'b'), ('bank', 1, 'c')`,
    routes: {
      // The lock of a transaction of one statement is gone when the statement returns.
      draw: async (pool, input) => {
        await pool.query('select pg_advisory_xact_lock(hashtext($1))', [input.counter])
        const { rows } = await pool.query<{ next: number }>(
          'select coalesce(max(number), 0) + 1 as next from tickets where counter = $1',
          [input.counter],
        )
        await pool.query('insert into tickets values ($1, $2, $3)', [input.counter, rows[0]?.next, input.customer])
        return { status: 201, body: rows[0] }
      },
      queue: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          await client.query('select pg_advisory_xact_lock(hashtext($1))', [input.counter])
          const { rows } = await client.query<{ last: number | null }>(
            'select max(number) as last from tickets where counter = $1',
            [input.counter],
          )
          const number = (rows[0]?.last ?? 0) + 1
          await client.query('insert into tickets values ($1, $2, $3)', [input.counter, number, input.customer])
          return { status: 201, body: { number } }
        }),
    },
    traffic: [
      ['draw', { counter: 'bank', customer: 'k' }],
      ['queue', { counter: 'bank', customer: 'l' }],
      ['queue', { counter: 'visa', customer: 'm' }],
      ['draw', { counter: 'visa', customer: 'n' }],
      ['draw', { counter: 'post', customer: 'o' }],
      ['queue', { counter: 'post', customer: 'p' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'advisory lock outside of a transaction',
        first: ['draw', { counter: 'post', customer: 'x' }],
        second: ['draw', { counter: 'post', customer: 'y' }],
      },
      {
        label: 'safe',
        kind: 'advisory lock, max + 1 in a variable',
        first: ['queue', { counter: 'post', customer: 'x' }],
        second: ['queue', { counter: 'post', customer: 'y' }],
      },
    ],
  }),

  pgCase({
    name: 'orders against the credit of a customer',
    schema: `
      create table customers (id integer primary key, credit integer not null);
      create table orders (id integer primary key, customer_id integer not null, total integer not null,
        status text not null default 'draft')`,
    seed: `
      insert into customers values (1, 100), (2, 1000), (3, 10);
      insert into orders (id, customer_id, total) values
        (11, 1, 70), (12, 1, 60), (21, 2, 300), (22, 2, 200), (23, 2, 100), (31, 3, 11)`,
    routes: {
      place: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ status: string; total: number; customer: number; left: number }>(
            `select o.status, o.total, c.id as customer, c.credit as left
             from orders o join customers c on c.id = o.customer_id where o.id = $1 for update of o`,
            [input.order],
          )
          const order = rows[0]
          if (!order) return { status: 404 }
          if (order.status !== 'draft') return { status: 409 }
          if (order.left < order.total) return { status: 402 }
          await client.query(`update orders set status = 'placed' where id = $1`, [input.order])
          await client.query('update customers set credit = credit - $2 where id = $1', [order.customer, order.total])
          return { status: 200 }
        }),
      confirm: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ status: string; total: number; customer: number; left: number }>(
            `select o.status, o.total, c.id as customer, c.credit as left
             from orders o join customers c on c.id = o.customer_id where o.id = $1 for update`,
            [input.order],
          )
          const order = rows[0]
          if (!order) return { status: 404 }
          if (order.status !== 'draft') return { status: 409 }
          if (order.left < order.total) return { status: 402 }
          await client.query(`update orders set status = 'placed' where id = $1`, [input.order])
          await client.query('update customers set credit = $2 where id = $1', [
            order.customer,
            order.left - order.total,
          ])
          return { status: 200 }
        }),
    },
    traffic: [
      ['place', { order: 21 }],
      ['place', { order: 21 }],
      ['confirm', { order: 22 }],
      ['confirm', { order: 22 }],
      ['place', { order: 31 }],
      ['confirm', { order: 31 }],
      ['place', { order: 99 }],
      ['confirm', { order: 23 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'FOR UPDATE OF the wrong table of a join',
        first: ['place', { order: 11 }],
        second: ['place', { order: 12 }],
      },
      {
        label: 'safe',
        kind: 'the lock includes the joined customer, absolute value written',
        first: ['confirm', { order: 11 }],
        second: ['confirm', { order: 12 }],
      },
      {
        label: 'safe',
        kind: 'the lock of the order is enough for the same order',
        first: ['place', { order: 11 }],
        second: ['place', { order: 11 }],
      },
    ],
  }),

  pgCase({
    name: 'edit that does not wait for a lock',
    schema: `create table pages (slug text primary key, body text not null, revision integer not null default 1)`,
    seed: `insert into pages (slug, body) values ('home', 'hi'), ('about', 'us'), ('terms', 'all')`,
    routes: {
      edit: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ revision: number }>(
            'select revision from pages where slug = $1 for update skip locked',
            [input.slug],
          )
          if (!rows[0]) return { status: 404 }
          await client.query('update pages set body = $2, revision = $3 where slug = $1', [
            input.slug,
            input.body,
            rows[0].revision + 1,
          ])
          return { status: 200 }
        }),
      rewrite: async (pool, input) => {
        try {
          return await inTransaction(pool, async (client) => {
            const { rows } = await client.query<{ revision: number }>(
              'select revision from pages where slug = $1 for update nowait',
              [input.slug],
            )
            if (!rows[0]) return { status: 404 }
            await client.query('update pages set body = $2, revision = $3 where slug = $1', [
              input.slug,
              input.body,
              rows[0].revision + 1,
            ])
            return { status: 200 }
          })
        } catch (error) {
          if (readSqlState(error) === '55P03') return { status: 503 }
          throw error
        }
      },
    },
    traffic: [
      ['edit', { slug: 'about', body: 'about us' }],
      ['rewrite', { slug: 'about', body: 'about them' }],
      ['edit', { slug: 'nowhere', body: '' }],
      ['rewrite', { slug: 'nowhere', body: '' }],
      ['rewrite', { slug: 'terms', body: 'none' }],
      ['edit', { slug: 'home', body: 'hello' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'SKIP LOCKED of a known row: one is told that the page does not exist',
        first: ['edit', { slug: 'home', body: 'a' }],
        second: ['edit', { slug: 'home', body: 'b' }],
      },
      {
        label: 'safe',
        kind: 'NOWAIT, refused with a 503',
        first: ['rewrite', { slug: 'home', body: 'a' }],
        second: ['rewrite', { slug: 'home', body: 'b' }],
      },
    ],
  }),
]
