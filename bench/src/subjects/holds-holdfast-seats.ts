import { connect } from 'holdfast'
import { createHolds, defineUnits } from 'holdfast/holds'
import { EVENT, readPoolMax } from '../contests/holds/settings.js'
import type { Subject } from '../harness/types.js'

const seats = defineUnits('seats', { table: 'bench_seats', resource: 'event_id', unit: 'id', hold: 'taken_by' })

/** The defaults of all options. */
const subject: Subject = {
  open: async (url) => {
    const db = await connect({ url, pool: { max: readPoolMax() } })
    const holds = await createHolds(db, { from: [seats] })
    return {
      operations: { sell: async () => await holds.hold(seats, EVENT, { any: 1 }) },
      close: async () => {
        await holds.close()
        await db.close()
      },
    }
  },
}

export default subject
