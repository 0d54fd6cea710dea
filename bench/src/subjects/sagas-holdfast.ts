import { openSidePool } from '../contests/jobs/effects.js'
import { callsSaga, openSagas, runSaga } from '../contests/sagas/saga-process.js'
import { clearSagas } from '../contests/sagas/saga-tables.js'
import type { Subject } from '../harness/types.js'

/** The defaults of all options, but for the size of the pool. */
const subject: Subject = {
  open: async (url) => {
    const { sagas, close } = await openSagas(url, [callsSaga])
    const side = openSidePool(url)
    return {
      operations: { calls: async () => await runSaga(sagas, callsSaga) },
      tidy: async () => await clearSagas(side),
      close: async () => {
        await close()
        await side.end()
      },
    }
  },
}

export default subject
