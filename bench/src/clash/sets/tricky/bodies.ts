import { pgCase, postgresJsCase, type ClashCase } from '../../corpus.js'
import { inTransaction } from './transaction.js'

let queue: Promise<unknown> = Promise.resolve()

/** What the statements that are sent do not show. */
export const cases: ClashCase[] = [
  pgCase({
    name: 'gift cards redeemed by functions',
    schema: `
      create table gift_cards (code text primary key, cents integer not null);
      create table redemptions (code text not null, order_no integer not null, cents integer not null);
      create table paid_orders (order_no integer primary key, cents integer not null);
      create function redeem(card text, order_no integer, wanted integer) returns boolean language plpgsql as $body$
      declare available integer;
      begin
        select cents into available from gift_cards where code = card;
        if available is null or available < wanted then return false; end if;
        update gift_cards set cents = available - wanted where code = card;
        insert into redemptions values (card, order_no, wanted);
        return true;
      end $body$;
      create function use_card(card text, order_no integer, wanted integer) returns boolean language sql as $body$
        with paid as (
          update gift_cards set cents = cents - wanted where code = card and cents >= wanted returning code
        ), noted as (
          insert into redemptions select code, order_no, wanted from paid returning 1
        )
        select exists (select 1 from noted)
      $body$`,
    seed: `insert into gift_cards values ('SUN', 100), ('FOG', 30), ('ICE', 400)`,
    routes: {
      redeem: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ ok: boolean }>('select redeem($1, $2, $3) as ok', [
            input.code,
            input.order,
            input.cents,
          ])
          if (rows[0]?.ok !== true) return { status: 409 }
          await client.query('insert into paid_orders values ($1, $2)', [input.order, input.cents])
          return { status: 200 }
        }),
      use: async (pool, input) => {
        const { rows } = await pool.query<{ ok: boolean }>('select use_card($1, $2, $3) as ok', [
          input.code,
          input.order,
          input.cents,
        ])
        return { status: rows[0]?.ok === true ? 200 : 409 }
      },
    },
    traffic: [
      ['redeem', { code: 'ICE', order: 1, cents: 50 }],
      ['use', { code: 'ICE', order: 2, cents: 50 }],
      ['redeem', { code: 'FOG', order: 3, cents: 31 }],
      ['use', { code: 'FOG', order: 4, cents: 31 }],
      ['use', { code: 'FOG', order: 5, cents: 10 }],
      ['redeem', { code: 'FOG', order: 6, cents: 20 }],
      ['redeem', { code: 'NIL', order: 7, cents: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'check then act in the body of a function',
        first: ['redeem', { code: 'SUN', order: 10, cents: 80 }],
        second: ['redeem', { code: 'SUN', order: 11, cents: 70 }],
        hidden: 'the read and the write are in the body of a function; the application sends one call',
      },
      {
        label: 'safe',
        kind: 'conditional update in the body of a function',
        first: ['use', { code: 'SUN', order: 10, cents: 80 }],
        second: ['use', { code: 'SUN', order: 11, cents: 70 }],
      },
    ],
  }),

  postgresJsCase({
    name: 'thermostat behind a queue in the process',
    schema: `create table thermostats (id integer primary key, target integer not null)`,
    seed: `insert into thermostats values (1, 18), (2, 20), (3, 21)`,
    routes: {
      nudge: async (sql, input) => {
        const { id, by } = input as { id: number; by: number }
        const work = async () => {
          const [row] = await sql<{ target: number }[]>`select target from thermostats where id = ${id}`
          if (!row) return { status: 404 }
          if (row.target + by > 25) return { status: 422 }
          await sql`update thermostats set target = ${row.target + by} where id = ${id}`
          return { status: 200 }
        }
        const result = queue.then(work)
        queue = result.catch(() => {})
        return await result
      },
    },
    traffic: [
      ['nudge', { id: 2, by: 1 }],
      ['nudge', { id: 2, by: 9 }],
      ['nudge', { id: 3, by: -2 }],
      ['nudge', { id: 9, by: 1 }],
      ['nudge', { id: 1, by: 1 }],
      ['nudge', { id: 3, by: 1 }],
    ],
    pairs: [
      {
        label: 'safe',
        kind: 'one at a time in the process',
        first: ['nudge', { id: 1, by: 2 }],
        second: ['nudge', { id: 1, by: 3 }],
        hidden: 'the guard is a queue in the memory of the process',
      },
    ],
  }),
]
