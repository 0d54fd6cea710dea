import { setTimeout as sleep } from 'node:timers/promises'
import { openSidePool } from '../contests/jobs/effects.js'
import { loadDbos } from '../contests/sagas/dbos-process.js'
import { nothing, order } from '../contests/sagas/saga-process.js'
import { createRunTable, insertRun } from '../contests/sagas/saga-tables.js'
import { SLOW_STEP_MS } from '../contests/sagas/settings.js'
import type { Subject } from '../harness/types.js'

/**
 * Runs workflows of long steps, each of which notes that it runs. HOLDFAST_BENCH_STEPS: of each workflow.
 * HOLDFAST_BENCH_EXECUTOR: its name among the processes; without it it has its default, as all that are given none.
 */
const subject: Subject = {
  open: async (url) => {
    const executorID = process.env['HOLDFAST_BENCH_EXECUTOR']
    const steps = Number(process.env['HOLDFAST_BENCH_STEPS'])
    const side = openSidePool(url)
    await createRunTable(side, 'bench_runs')
    const dbos = await loadDbos(url, executorID === undefined ? {} : { executorID })
    const workflow = dbos.registerWorkflow(
      async () => {
        for (let n = 1; n <= steps; n++) await dbos.runStep(async () => await work(`step ${n}`), { name: `step ${n}` })
      },
      { name: 'bench_slow' },
    )
    const work = async (name: string) => {
      await side.query(insertRun('bench_runs'), [dbos.workflowID, name])
      await sleep(SLOW_STEP_MS)
    }
    await dbos.launch()
    return {
      operations: {},
      measures: {
        begin: async (amount) => {
          // What becomes of them is seen in the tables.
          for (let n = 0; n < amount; n++) workflow(order).catch(() => {})
          return await Promise.resolve(nothing)
        },
      },
      close: async () => {
        await dbos.shutdown()
        await side.end()
      },
    }
  },
}

export default subject
