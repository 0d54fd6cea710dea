import { createPgWork, demandSale, INSERT_ORDER } from '../contests/holds/pg-work.js'
import { STOCK } from '../contests/holds/settings.js'
import { runTransaction } from '../harness/pg-transaction.js'
import type { Subject } from '../harness/types.js'

const TAKE = 'update bench_stock set free = free - $2 where id = $1 and free >= $2'

/** The conditional UPDATE, then the order, in one transaction. */
const subject: Subject = {
  open: async (url) =>
    await createPgWork(
      url,
      async (pool) =>
        await runTransaction(pool, async (client) => {
          demandSale(await client.query({ name: 'take', text: TAKE, values: [STOCK, 1] }))
          await client.query({ name: 'order', text: INSERT_ORDER, values: [STOCK, 1] })
        }),
    ),
}

export default subject
