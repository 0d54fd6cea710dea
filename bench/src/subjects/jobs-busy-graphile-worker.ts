import pg from 'pg'
import { createBusyWork, type BusyPayload } from '../contests/jobs/busy-work.js'
import { CONCURRENCY, graphileWorker } from '../contests/jobs/settings.js'
import { readFound, truncateTables } from '../contests/jobs/user-transactions.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

interface Spec {
  identifier: string
  payload: unknown
  queueName: string
  jobKey: string
}

type Task = (payload: unknown, helpers: { job: { attempts: number } }) => Promise<void>

interface GraphileWorker {
  makeWorkerUtils: (options: object) => Promise<{
    migrate: () => Promise<void>
    addJobs: (specs: readonly Spec[]) => Promise<unknown>
    release: () => Promise<void>
  }>
  run: (options: object) => Promise<{ stop: () => Promise<void> }>
  Logger: new (factory: () => () => void) => object
}

const subject: Subject = {
  open: async (url) => {
    const { makeWorkerUtils, run, Logger } = await loadPeer<GraphileWorker>('graphile-worker')
    const pgPool = new pg.Pool({ connectionString: url, max: CONCURRENCY + 2 })
    pgPool.on('error', () => {})
    pgPool.on('connect', (client) => void client.on('error', () => {}))
    const logger = new Logger(() => () => {})
    const utils = await makeWorkerUtils({ pgPool, logger })
    await utils.migrate()
    return createBusyWork({
      sendMany: async (jobs) =>
        await utils.addJobs(
          jobs.map(({ payload, key, uniqueKey }) => ({
            identifier: 'busy',
            payload,
            queueName: key,
            jobKey: uniqueKey,
          })),
        ),
      work: async (handle) => {
        const busy: Task = async (payload, { job }) => await handle(payload as BusyPayload, job.attempts)
        const runner = await run({
          pgPool,
          logger,
          taskList: { busy },
          noHandleSignals: true,
          preset: { worker: graphileWorker },
        })
        return async () => await runner.stop()
      },
      hasJobs: async () =>
        await readFound(pgPool, 'select exists (select from graphile_worker._private_jobs) as found'),
      clear: async () =>
        await truncateTables(pgPool, 'graphile_worker._private_jobs, graphile_worker._private_job_queues'),
      close: async () => {
        await utils.release()
        await pgPool.end()
      },
    })
  },
}

export default subject
