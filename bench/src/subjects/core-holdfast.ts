import { connect } from 'holdfast'
import type { Subject } from '../harness/types.js'

/** The defaults: deadlines, counters and histograms on. */
const subject: Subject = {
  open: async (url, lanes) => {
    const db = await connect({ url, pool: { max: lanes } })
    return {
      operations: {
        query: async () => await db.query('select $1::int as id, $2::text as name', [42, 'seat']),
        tx: async () =>
          await db.tx(async (tx) => await tx.query('select $1::int as id, $2::text as name', [42, 'seat'])),
      },
      close: async () => await db.close(),
    }
  },
}

export default subject
