import { createPgWork, demandSale } from '../contests/holds/pg-work.js'
import { STOCK } from '../contests/holds/settings.js'
import type { Subject } from '../harness/types.js'

const SELL = `
  with taken as (update bench_stock set free = free - $2 where id = $1 and free >= $2 returning id)
  insert into bench_stock_orders (stock_id, quantity) select id, $2 from taken returning id`

/** One round trip, and the row is locked for no longer than the statement and its commit take. */
const subject: Subject = {
  open: async (url) =>
    await createPgWork(url, async (pool) =>
      demandSale(await pool.query({ name: 'sell', text: SELL, values: [STOCK, 1] })),
    ),
}

export default subject
