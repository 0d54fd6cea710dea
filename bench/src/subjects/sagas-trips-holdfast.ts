import { callsSaga, nothing, openSagas, runSaga, txsSaga } from '../contests/sagas/saga-process.js'
import { quiet } from '../contests/sagas/settings.js'
import type { Subject } from '../harness/types.js'

/** Says nothing by itself: what is counted is of the one saga. */
const subject: Subject = {
  open: async (url) => {
    const { sagas, close } = await openSagas(url, [callsSaga, txsSaga], quiet, { heartbeatMs: 0 })
    return {
      operations: {},
      measures: {
        calls_once: async () => {
          await runSaga(sagas, callsSaga)
          return nothing
        },
        txs_once: async () => {
          await runSaga(sagas, txsSaga)
          return nothing
        },
        calls_unasked: async () => {
          await sagas.start(callsSaga, { order: 'unasked' })
          return nothing
        },
      },
      close,
    }
  },
}

export default subject
