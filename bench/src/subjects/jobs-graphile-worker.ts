import pg from 'pg'
import { createWork, type Payload } from '../contests/jobs/queue-work.js'
import { CONCURRENCY, graphileWorker } from '../contests/jobs/settings.js'
import { createUserTable, insertInTransaction, readFound, truncateTables } from '../contests/jobs/user-transactions.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

interface Spec {
  identifier: string
  payload: unknown
}

interface GraphileWorker {
  makeWorkerUtils: (options: object) => Promise<{
    migrate: () => Promise<void>
    addJob: (name: string, payload: unknown) => Promise<unknown>
    addJobs: (specs: readonly Spec[]) => Promise<unknown>
    release: () => Promise<void>
  }>
  run: (options: object) => Promise<{ stop: () => Promise<void> }>
  Logger: new (factory: () => () => void) => object
}

const subject: Subject = {
  open: async (url, lanes) => {
    const { makeWorkerUtils, run, Logger } = await loadPeer<GraphileWorker>('graphile-worker')
    // Its advice on the size of the pool; and every caller finds a connection.
    const pgPool = new pg.Pool({ connectionString: url, max: Math.max(CONCURRENCY + 2, lanes) })
    pgPool.on('error', () => {})
    pgPool.on('connect', (client) => void client.on('error', () => {}))
    // It would write a line per job.
    const logger = new Logger(() => () => {})
    const utils = await makeWorkerUtils({ pgPool, logger })
    await utils.migrate()
    await createUserTable(pgPool, 'bench_graphile')
    return await createWork({
      send: async (payload) => await utils.addJob('bench', payload),
      sendMany: async (payloads) => await utils.addJobs(payloads.map((payload) => ({ identifier: 'bench', payload }))),
      runTransaction: async (payload) =>
        await insertInTransaction(pgPool, 'bench_graphile', async (client) => {
          if (payload) await client.query('select graphile_worker.add_job($1, $2::json)', ['bench', payload])
        }),
      work: async (onStart) => {
        const taskList = { bench: (payload: unknown) => onStart(payload as Payload) }
        const runner = await run({
          pgPool,
          logger,
          taskList,
          noHandleSignals: true,
          preset: { worker: graphileWorker },
        })
        return async () => await runner.stop()
      },
      // Completed jobs are deleted.
      hasJobs: async () =>
        await readFound(pgPool, 'select exists (select from graphile_worker._private_jobs) as found'),
      clear: async () => await truncateTables(pgPool, 'graphile_worker._private_jobs, bench_graphile'),
      close: async () => {
        await utils.release()
        await pgPool.end()
      },
    })
  },
}

export default subject
