import { createPgWork, demandSale, INSERT_ORDER } from '../contests/holds/pg-work.js'
import { STOCK } from '../contests/holds/settings.js'
import { runTransaction } from '../harness/pg-transaction.js'
import type { Subject } from '../harness/types.js'

const LOCK = 'select pg_advisory_xact_lock($1)'
const LOOK = 'select free from bench_stock where id = $1'
const SET = 'update bench_stock set free = $2 where id = $1'

/** Reads what is free and writes what is left of it, alone under a lock that all who sell must take. */
const subject: Subject = {
  open: async (url) =>
    await createPgWork(
      url,
      async (pool) =>
        await runTransaction(pool, async (client) => {
          await client.query({ name: 'lock', text: LOCK, values: [STOCK] })
          const { rows } = await client.query<{ free: number }>({ name: 'look', text: LOOK, values: [STOCK] })
          const free = rows[0]?.free ?? 0
          if (free < 1) throw new Error('Sold out.')
          demandSale(await client.query({ name: 'set', text: SET, values: [STOCK, free - 1] }))
          await client.query({ name: 'order', text: INSERT_ORDER, values: [STOCK, 1] })
        }),
    ),
}

export default subject
