import pg, { type Pool, type QueryResult } from 'pg'
import type { Subject, Work } from '../../harness/types.js'
import { EVENT, readPoolMax } from './settings.js'

// All statements of the strategies are prepared: node-postgres does so where they have a name, and they are quicker then.

export const INSERT_ORDER = 'insert into bench_stock_orders (stock_id, quantity) values ($1, $2) returning id'

/** What the strategies on plain node-postgres share. Their connections stay: a login must not count as a sale. */
export async function createPgWork(url: string, sell: (pool: Pool) => Promise<unknown>): Promise<Work> {
  const pool = new pg.Pool({ connectionString: url, max: readPoolMax(), idleTimeoutMillis: 0 })
  await pool.query('select 1')
  return {
    operations: { sell: async () => await sell(pool) },
    close: async () => await pool.end(),
  }
}

/** A statement that sells nothing is a stretch that measures something else. */
export function demandSale({ rowCount }: QueryResult): void {
  if (rowCount !== 1) throw new Error('Sold out.')
}

/** One statement for one seat that nobody else is taking. */
export function createSeatSeller(order: '' | 'order by id'): Subject {
  const text = `
    with picked as (
      select id from bench_seats where event_id = $1 and taken_by is null ${order} limit 1 for update skip locked),
    sold as (
      update bench_seats s set taken_by = nextval('bench_seat_order_ids') from picked p where s.id = p.id
      returning s.id, s.taken_by)
    insert into bench_seat_orders (id, seat_id) select taken_by, id from sold returning id, seat_id`
  return {
    open: async (url) =>
      await createPgWork(url, async (pool) => demandSale(await pool.query({ name: 'sell', text, values: [EVENT] }))),
  }
}
