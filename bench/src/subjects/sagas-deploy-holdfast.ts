import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Db } from 'holdfast'
import { createSagas, defineSaga, type SagaDefinition, type Sagas } from 'holdfast/sagas'
import { nothing, order, type Order } from '../contests/sagas/saga-process.js'
import { createRunTable, insertRun } from '../contests/sagas/saga-tables.js'
import { DEPLOY_CALL_MS, DEPLOY_PAUSE_MS, DEPLOY_STEPS, POOL } from '../contests/sagas/settings.js'
import type { Subject } from '../harness/types.js'

/**
 * A release: HOLDFAST_BENCH_VERSION is what it starts; it has the code of all versions before, too. Each version names its
 * steps in another way, so that code of one does not fit a saga of another.
 */
const subject: Subject = {
  open: async (url) => {
    const db = await connect({ url, pool: { max: POOL } })
    await db.migrate()
    await createRunTable(db, 'bench_effects')
    await createRunTable(db, 'bench_calls')
    const latest = Number(process.env['HOLDFAST_BENCH_VERSION'])
    const versions = Array.from({ length: latest }, (_, n) => defineVersion(db, n + 1))
    const sagas = await createSagas(db, { sagas: versions })
    await sagas.work()
    const load = createLoad(sagas, versions.at(-1) as SagaDefinition<Order, void>)
    return {
      operations: {},
      measures: {
        begin: async () => {
          load.begin()
          return await Promise.resolve(nothing)
        },
        end: async () => {
          await load.end()
          return nothing
        },
      },
      close: async () => {
        await load.end()
        await sagas.close()
        await db.close()
      },
    }
  },
}

function defineVersion(db: Db, version: number): SagaDefinition<Order, void> {
  return defineSaga('bench_deploy', { version }, async (s) => {
    for (let n = 1; n <= DEPLOY_STEPS; n++) {
      const [written, called] = [`write ${n} of version ${version}`, `call ${n} of version ${version}`]
      await s.tx(written, { do: async (tx) => void (await tx.query(insertRun('bench_effects'), [s.id, written])) })
      await s.call(called, {
        do: async () => {
          await db.query(insertRun('bench_calls'), [s.id, called])
          await sleep(DEPLOY_CALL_MS)
        },
      })
    }
  })
}

/** A new saga now and then, whatever became of the last one. */
function createLoad(sagas: Sagas, saga: SagaDefinition<Order, void>): { begin(): void; end(): Promise<void> } {
  const state = { isOver: false }
  let running = Promise.resolve()
  const run = async () => {
    while (!state.isOver) {
      await sagas.start(saga, order)
      await sleep(DEPLOY_PAUSE_MS)
    }
  }
  return {
    begin: () => void (running = run()),
    end: async () => {
      state.isOver = true
      await running
    },
  }
}

export default subject
