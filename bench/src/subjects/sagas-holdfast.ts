import { openSidePool } from '../contests/jobs/effects.js'
import { parkedSaga } from '../contests/sagas/load-parked.js'
import { callsSaga, openSagas, runSaga } from '../contests/sagas/saga-process.js'
import { settleSagas } from '../contests/sagas/saga-tables.js'
import type { Subject } from '../harness/types.js'

/** The defaults of all options, but for the size of the pool. In some databases there are others that are parked. */
const subject: Subject = {
  open: async (url) => {
    const { sagas, close } = await openSagas(url, [callsSaga, parkedSaga])
    const side = openSidePool(url)
    return {
      operations: { calls: async () => await runSaga(sagas, callsSaga) },
      tidy: async () => await settleSagas(side),
      close: async () => {
        await close()
        await side.end()
      },
    }
  },
}

export default subject
