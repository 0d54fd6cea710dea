import { setTimeout as sleep } from 'node:timers/promises'
import { defineSaga } from 'holdfast/sagas'
import { nothing, openSagas, order } from '../contests/sagas/saga-process.js'
import { LEASE_MS, SLOW_STEP_MS } from '../contests/sagas/settings.js'
import type { Subject } from '../harness/types.js'

/** More than a saga can take before the round is over. */
const STEPS = 1_000

const slowSaga = defineSaga('bench_slow', { version: 1 }, async (s) => {
  for (let n = 1; n <= STEPS; n++) await s.call(`step ${n}`, { do: async () => await sleep(SLOW_STEP_MS) })
})

/** Runs sagas of long steps, its own and those of others who are gone. */
const subject: Subject = {
  open: async (url) => {
    const { sagas, close } = await openSagas(url, [slowSaga], { leaseMs: LEASE_MS })
    return {
      operations: {},
      measures: {
        begin: async (amount) => {
          for (let n = 0; n < amount; n++) await sagas.start(slowSaga, order)
          return nothing
        },
      },
      close,
    }
  },
}

export default subject
