import { openSidePool } from '../contests/jobs/effects.js'
import { loadDbos } from '../contests/sagas/dbos-process.js'
import { nothing, order, type Order } from '../contests/sagas/saga-process.js'
import { settleWorkflows } from '../contests/sagas/saga-tables.js'
import type { Subject } from '../harness/types.js'

/** A workflow is called as its documentation calls one: the caller has its result as soon as it is recorded. */
const subject: Subject = {
  open: async (url) => {
    const dbos = await loadDbos(url)
    const workflow = dbos.registerWorkflow(
      async (input: Order) => {
        await dbos.runStep(async () => {}, { name: 'first' })
        await dbos.runStep(async () => {}, { name: 'second' })
        await dbos.runStep(async () => {}, { name: 'third' })
        return input.order
      },
      { name: 'bench_calls' },
    )
    await dbos.launch()
    const side = openSidePool(url)
    return {
      operations: { calls: async () => await workflow(order) },
      measures: {
        calls_once: async () => {
          await workflow(order)
          return nothing
        },
      },
      tidy: async () => await settleWorkflows(side),
      close: async () => {
        await dbos.shutdown()
        await side.end()
      },
    }
  },
}

export default subject
