import pg from 'pg'
import { createBusyWork, type BusyPayload } from '../contests/jobs/busy-work.js'
import { busySettings } from '../contests/jobs/settings.js'
import { readFound, truncateTables } from '../contests/jobs/user-transactions.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

interface Fetched {
  id: string
  data: BusyPayload
  retryCount: number
}

interface Result {
  id: string
  status: 'completed' | 'failed'
}

interface Boss {
  on: (event: 'error', listener: (error: unknown) => void) => void
  start: () => Promise<unknown>
  stop: (options: object) => Promise<void>
  createQueue: (name: string, options: object) => Promise<void>
  insert: (name: string, jobs: readonly object[]) => Promise<unknown>
  work: (name: string, options: object, handler: (jobs: readonly Fetched[]) => Promise<Result[]>) => Promise<string>
  offWork: (name: string, options: object) => Promise<void>
}

interface PgBossModule {
  PgBoss: new (options: object) => Boss
}

/** A batch at once, with a result for each of its jobs: otherwise one that fails would take the others with it. */
const subject: Subject = {
  open: async (url) => {
    const { PgBoss } = await loadPeer<PgBossModule>('pg-boss')
    const { queue, work } = busySettings['pg-boss']
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    const boss = new PgBoss({ connectionString: url, max: 10, useListenNotify: true })
    boss.on('error', (error) => process.stderr.write(`pg-boss: ${String(error)}\n`))
    await boss.start()
    await boss.createQueue('busy', queue)
    return createBusyWork({
      sendMany: async (jobs) =>
        await boss.insert(
          'busy',
          jobs.map(({ payload, key, uniqueKey }) => ({ data: payload, singletonKey: uniqueKey, group: { id: key } })),
        ),
      work: async (handle) => {
        const run = async ({ id, data, retryCount }: Fetched): Promise<Result> => {
          const status = await handle(data, retryCount + 1).then(
            () => 'completed' as const,
            () => 'failed' as const,
          )
          return { id, status }
        }
        await boss.work('busy', work, async (jobs) => await Promise.all(jobs.map(run)))
        return async () => await boss.offWork('busy', { wait: true })
      },
      hasJobs: async () =>
        await readFound(
          pool,
          `select exists (select from pgboss.job where name = 'busy' and state < 'completed') as found`,
        ),
      clear: async () => await truncateTables(pool, 'pgboss.job'),
      close: async () => {
        await boss.stop({ graceful: true, timeout: 5_000 })
        await pool.end()
      },
    })
  },
}

export default subject
