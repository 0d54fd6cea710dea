import { callsSaga, openSagas, runSaga } from '../contests/sagas/saga-process.js'
import { parkedSaga } from '../contests/sagas/load-parked.js'
import type { Subject } from '../harness/types.js'

/** Runs what it starts, beside others that are parked. Its tables are left as they are: those are in them. */
const subject: Subject = {
  open: async (url) => {
    const { sagas, close } = await openSagas(url, [callsSaga, parkedSaga])
    return { operations: { calls: async () => await runSaga(sagas, callsSaga) }, close }
  },
}

export default subject
