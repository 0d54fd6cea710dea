import { knexCase, pgCase, postgresJsCase, type ClashCase } from '../../corpus.js'
import { inTransaction } from './transaction.js'

/** Locks of the weaker kinds, keys of requests, MERGE, and rows that are made in order to be locked. */
export const cases: ClashCase[] = [
  pgCase({
    name: 'free places of a car park',
    schema: `
      create table car_parks (id integer primary key, free integer not null);
      create table cars (plate text primary key, park integer not null)`,
    seed: `insert into car_parks values (1, 1), (2, 30), (3, 0)`,
    routes: {
      // FOR KEY SHARE keeps the row from being deleted, and nothing else.
      enter: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ free: number }>(
            'select free from car_parks where id = $1 for key share',
            [input.park],
          )
          if (!rows[0]) return { status: 404 }
          if (rows[0].free < 1) return { status: 409 }
          await client.query('insert into cars values ($1, $2)', [input.plate, input.park])
          await client.query('update car_parks set free = free - 1 where id = $1', [input.park])
          return { status: 201 }
        }),
      // Both can share the lock; neither can write then: a deadlock, and one of them fails.
      park: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ free: number }>('select free from car_parks where id = $1 for share', [
            input.park,
          ])
          if (!rows[0]) return { status: 404 }
          if (rows[0].free < 1) return { status: 409 }
          await client.query('update car_parks set free = $2 where id = $1', [input.park, rows[0].free - 1])
          await client.query('insert into cars values ($1, $2)', [input.plate, input.park])
          return { status: 201 }
        }),
      // The system column as a version.
      drive: async (pool, input) => {
        for (;;) {
          const { rows } = await pool.query<{ free: number; tag: string }>(
            'select free, xmin::text as tag from car_parks where id = $1',
            [input.park],
          )
          const lot = rows[0]
          if (!lot) return { status: 404 }
          if (lot.free < 1) return { status: 409 }
          const { rowCount } = await pool.query(
            `with taken as (
               update car_parks set free = $3 where id = $1 and xmin::text = $2 returning id
             )
             insert into cars select $4, id from taken`,
            [input.park, lot.tag, lot.free - 1, input.plate],
          )
          if (rowCount === 1) return { status: 201 }
        }
      },
    },
    traffic: [
      ['enter', { park: 2, plate: 'AA 1' }],
      ['park', { park: 2, plate: 'AA 2' }],
      ['drive', { park: 2, plate: 'AA 3' }],
      ['enter', { park: 3, plate: 'AA 4' }],
      ['park', { park: 3, plate: 'AA 5' }],
      ['drive', { park: 3, plate: 'AA 6' }],
      ['enter', { park: 9, plate: 'AA 7' }],
      ['park', { park: 9, plate: 'AA 8' }],
      ['drive', { park: 9, plate: 'AA 9' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'FOR KEY SHARE does not hold off an update',
        first: ['enter', { park: 1, plate: 'ZZ 1' }],
        second: ['enter', { park: 1, plate: 'ZZ 2' }],
      },
      {
        label: 'safe',
        kind: 'FOR SHARE, then an update: one of two ends in a deadlock',
        first: ['park', { park: 1, plate: 'ZZ 1' }],
        second: ['park', { park: 1, plate: 'ZZ 2' }],
      },
      {
        label: 'safe',
        kind: 'xmin compared, tried again',
        first: ['drive', { park: 1, plate: 'ZZ 1' }],
        second: ['drive', { park: 1, plate: 'ZZ 2' }],
      },
      {
        label: 'clash',
        kind: 'FOR KEY SHARE against a compared xmin',
        first: ['enter', { park: 1, plate: 'ZZ 1' }],
        second: ['drive', { park: 1, plate: 'ZZ 2' }],
      },
    ],
  }),

  pgCase({
    name: 'payments with a key of the request',
    schema: `
      create table bills (id integer primary key, paid integer not null default 0);
      create table seen_keys (key uuid not null, bill integer not null);
      create table used_keys (key uuid primary key, bill integer not null)`,
    seed: `insert into bills (id) values (1), (2), (3)`,
    routes: {
      pay: async (pool, input) => {
        const { key, bill, cents } = input as { key: string; bill: number; cents: number }
        const seen = await pool.query('select 1 from seen_keys where key = $1', [key])
        if (seen.rows.length > 0) return { status: 200 }
        return await inTransaction(pool, async (client) => {
          const paid = await client.query('update bills set paid = paid + $2 where id = $1', [bill, cents])
          if (paid.rowCount === 0) return { status: 404 }
          await client.query('insert into seen_keys values ($1, $2)', [key, bill])
          return { status: 200 }
        })
      },
      settle: async (pool, input) => {
        const { key, bill, cents } = input as { key: string; bill: number; cents: number }
        const seen = await pool.query('select 1 from used_keys where key = $1', [key])
        if (seen.rows.length > 0) return { status: 200 }
        return await inTransaction(pool, async (client) => {
          const fresh = await client.query('insert into used_keys values ($1, $2) on conflict do nothing', [key, bill])
          if (fresh.rowCount === 0) return { status: 200 }
          const paid = await client.query('update bills set paid = paid + $2 where id = $1', [bill, cents])
          if (paid.rowCount === 0) throw new Error(`no bill ${bill}`)
          return { status: 200 }
        })
      },
    },
    traffic: [
      ['pay', { key: '40000000-0000-4000-8000-000000000001', bill: 2, cents: 100 }],
      ['pay', { key: '40000000-0000-4000-8000-000000000001', bill: 2, cents: 100 }],
      ['settle', { key: '40000000-0000-4000-8000-000000000002', bill: 2, cents: 50 }],
      ['settle', { key: '40000000-0000-4000-8000-000000000002', bill: 2, cents: 50 }],
      ['pay', { key: '40000000-0000-4000-8000-000000000003', bill: 9, cents: 100 }],
      ['settle', { key: '40000000-0000-4000-8000-000000000004', bill: 3, cents: 50 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'key of the request looked up, then kept without a unique index',
        first: ['pay', { key: '40000000-0000-4000-8000-00000000000a', bill: 1, cents: 100 }],
        second: ['pay', { key: '40000000-0000-4000-8000-00000000000a', bill: 1, cents: 100 }],
      },
      {
        label: 'safe',
        kind: 'key of the request inserted first, in the same transaction',
        first: ['settle', { key: '40000000-0000-4000-8000-00000000000a', bill: 1, cents: 100 }],
        second: ['settle', { key: '40000000-0000-4000-8000-00000000000a', bill: 1, cents: 100 }],
      },
      {
        label: 'safe',
        kind: 'the same bill with two keys: both are to be paid',
        first: ['pay', { key: '40000000-0000-4000-8000-00000000000a', bill: 1, cents: 100 }],
        second: ['pay', { key: '40000000-0000-4000-8000-00000000000b', bill: 1, cents: 30 }],
      },
    ],
  }),

  postgresJsCase({
    name: 'messages a day, the row of the day is made when needed',
    schema: `
      create table quotas (sender text not null, day date not null, sent integer not null, primary key (sender, day));
      create table messages (sender text not null, day date not null, body text not null)`,
    seed: `insert into quotas values ('ann', '2033-01-01', 2), ('ben', '2033-01-01', 3)`,
    routes: {
      send: async (sql, input) => {
        const { sender, day, body } = input as { sender: string; day: string; body: string }
        return await sql.begin(async (tx) => {
          await tx`insert into quotas values (${sender}, ${day}, 0) on conflict do nothing`
          const [quota] = await tx<{ sent: number }[]>`
            select sent from quotas where sender = ${sender} and day = ${day}`
          const sent = quota?.sent ?? 0
          if (sent >= 3) return { status: 429 }
          await tx`insert into messages values (${sender}, ${day}, ${body})`
          await tx`update quotas set sent = ${sent + 1} where sender = ${sender} and day = ${day}`
          return { status: 202 }
        })
      },
      // The update that changes nothing returns the row, and locks it.
      post: async (sql, input) => {
        const { sender, day, body } = input as { sender: string; day: string; body: string }
        return await sql.begin(async (tx) => {
          const [quota] = await tx<{ sent: number }[]>`
            insert into quotas as q values (${sender}, ${day}, 0)
            on conflict (sender, day) do update set sent = q.sent returning sent`
          const sent = quota?.sent ?? 0
          if (sent >= 3) return { status: 429 }
          await tx`insert into messages values (${sender}, ${day}, ${body})`
          await tx`update quotas set sent = ${sent + 1} where sender = ${sender} and day = ${day}`
          return { status: 202 }
        })
      },
    },
    traffic: [
      ['send', { sender: 'cat', day: '2033-01-01', body: 'hi' }],
      ['post', { sender: 'cat', day: '2033-01-01', body: 'ho' }],
      ['send', { sender: 'ben', day: '2033-01-01', body: 'no' }],
      ['post', { sender: 'ben', day: '2033-01-01', body: 'no' }],
      ['post', { sender: 'ben', day: '2033-01-02', body: 'yes' }],
      ['send', { sender: 'ben', day: '2033-01-02', body: 'yes' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'DO NOTHING does not lock the row that is there',
        first: ['send', { sender: 'ann', day: '2033-01-01', body: 'x' }],
        second: ['send', { sender: 'ann', day: '2033-01-01', body: 'y' }],
      },
      {
        label: 'safe',
        kind: 'the same route when the row is new: the insert is the lock',
        first: ['send', { sender: 'dot', day: '2033-01-01', body: 'x' }],
        second: ['send', { sender: 'dot', day: '2033-01-01', body: 'y' }],
      },
      {
        label: 'safe',
        kind: 'an upsert that changes nothing is the lock',
        first: ['post', { sender: 'ann', day: '2033-01-01', body: 'x' }],
        second: ['post', { sender: 'ann', day: '2033-01-01', body: 'y' }],
      },
    ],
  }),

  knexCase({
    name: 'fuel tanks merged from readings',
    schema: `
      create table tanks (id integer primary key, litres integer not null);
      create table drawn (tank integer not null, litres integer not null)`,
    seed: `insert into tanks values (1, 100), (2, 800), (3, 5)`,
    routes: {
      draw: async (db, input) =>
        await db.transaction(async (trx) => {
          const { tank, litres } = input as { tank: number; litres: number }
          const { rowCount } = await trx.raw<{ rowCount: number }>(
            `merge into tanks t
             using (select id, litres - ?::int as rest from tanks where id = ?) s on t.id = s.id
             when matched and s.rest >= 0 then update set litres = s.rest`,
            [litres, tank],
          )
          if (rowCount === 0) return { status: 409 }
          await trx('drawn').insert({ tank, litres })
          return { status: 200 }
        }),
      pump: async (db, input) =>
        await db.transaction(async (trx) => {
          const { tank, litres } = input as { tank: number; litres: number }
          const { rowCount } = await trx.raw<{ rowCount: number }>(
            `merge into tanks t
             using (values (?::int, ?::int)) as s (id, litres) on t.id = s.id
             when matched and t.litres >= s.litres then update set litres = t.litres - s.litres`,
            [tank, litres],
          )
          if (rowCount === 0) return { status: 409 }
          await trx('drawn').insert({ tank, litres })
          return { status: 200 }
        }),
    },
    traffic: [
      ['draw', { tank: 2, litres: 100 }],
      ['pump', { tank: 2, litres: 100 }],
      ['draw', { tank: 3, litres: 6 }],
      ['pump', { tank: 3, litres: 6 }],
      ['draw', { tank: 9, litres: 1 }],
      ['pump', { tank: 9, litres: 1 }],
      ['draw', { tank: 3, litres: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'MERGE of a source that was computed from the same table',
        first: ['draw', { tank: 1, litres: 70 }],
        second: ['draw', { tank: 1, litres: 20 }],
      },
      {
        label: 'safe',
        kind: 'MERGE with a condition on the target',
        first: ['pump', { tank: 1, litres: 70 }],
        second: ['pump', { tank: 1, litres: 60 }],
      },
    ],
  }),
]
