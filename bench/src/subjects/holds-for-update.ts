import { createPgWork, demandSale, INSERT_ORDER } from '../contests/holds/pg-work.js'
import { STOCK } from '../contests/holds/settings.js'
import { runTransaction } from '../harness/pg-transaction.js'
import type { Subject } from '../harness/types.js'

const LOOK = 'select free from bench_stock where id = $1 for update'
const TAKE = 'update bench_stock set free = free - $2 where id = $1'

/** Locks the row, looks and decides, takes, writes the order. */
const subject: Subject = {
  open: async (url) =>
    await createPgWork(
      url,
      async (pool) =>
        await runTransaction(pool, async (client) => {
          const { rows } = await client.query<{ free: number }>({ name: 'look', text: LOOK, values: [STOCK] })
          if ((rows[0]?.free ?? 0) < 1) throw new Error('Sold out.')
          demandSale(await client.query({ name: 'take', text: TAKE, values: [STOCK, 1] }))
          await client.query({ name: 'order', text: INSERT_ORDER, values: [STOCK, 1] })
        }),
    ),
}

export default subject
