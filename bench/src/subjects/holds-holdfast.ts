import { connect } from 'holdfast'
import { createHolds, defineStock } from 'holdfast/holds'
import { readPoolMax, STOCK } from '../contests/holds/settings.js'
import type { Subject } from '../harness/types.js'

const stock = defineStock('stock', { table: 'bench_stock', resource: 'id', free: 'free' })

/** The defaults of all options. */
const subject: Subject = {
  open: async (url) => {
    const db = await connect({ url, pool: { max: readPoolMax() } })
    const holds = await createHolds(db, { from: [stock] })
    return {
      operations: { sell: async () => await holds.hold(stock, STOCK, { quantity: 1 }) },
      close: async () => {
        await holds.close()
        await db.close()
      },
    }
  },
}

export default subject
