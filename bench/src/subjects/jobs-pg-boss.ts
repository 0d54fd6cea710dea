import pg, { type PoolClient } from 'pg'
import { createWork, type Payload } from '../contests/jobs/queue-work.js'
import { pgBoss } from '../contests/jobs/settings.js'
import { createUserTable, insertInTransaction, readFound, truncateTables } from '../contests/jobs/user-transactions.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

interface Boss {
  on: (event: 'error', listener: (error: unknown) => void) => void
  start: () => Promise<unknown>
  stop: (options: object) => Promise<void>
  createQueue: (name: string, options: object) => Promise<void>
  send: (name: string, data: object, options?: object) => Promise<unknown>
  insert: (name: string, jobs: readonly { data: object }[]) => Promise<unknown>
  work: (name: string, options: object, handler: (jobs: { data: Payload }[]) => Promise<void>) => Promise<string>
  offWork: (name: string, options: object) => Promise<void>
}

interface PgBossModule {
  PgBoss: new (options: object) => Boss
}

const subject: Subject = {
  open: async (url, lanes) => {
    const { PgBoss } = await loadPeer<PgBossModule>('pg-boss')
    const pool = new pg.Pool({ connectionString: url, max: lanes })
    await createUserTable(pool, 'bench_boss')
    const boss = new PgBoss({ connectionString: url, max: Math.max(10, lanes), useListenNotify: true })
    boss.on('error', (error) => process.stderr.write(`pg-boss: ${String(error)}\n`))
    await boss.start()
    await boss.createQueue('bench', { notify: true })
    return await createWork({
      send: async (payload) => await boss.send('bench', payload),
      sendMany: async (payloads) =>
        await boss.insert(
          'bench',
          payloads.map((data) => ({ data })),
        ),
      runTransaction: async (payload) =>
        await insertInTransaction(pool, 'bench_boss', async (client) => {
          if (payload) await boss.send('bench', payload, { db: adaptClient(client) })
        }),
      work: async (onStart) => {
        await boss.work('bench', pgBoss, async (jobs) => {
          for (const { data } of jobs) onStart(data)
          await Promise.resolve()
        })
        return async () => await boss.offWork('bench', { wait: true })
      },
      // Completed jobs stay for a while.
      hasJobs: async () =>
        await readFound(
          pool,
          `select exists (select from pgboss.job where name = 'bench' and state < 'completed') as found`,
        ),
      clear: async () => await truncateTables(pool, 'pgboss.job, bench_boss'),
      close: async () => {
        await boss.stop({ graceful: true, timeout: 5_000 })
        await pool.end()
      },
    })
  },
}

/** How its documentation joins a transaction of the user's. */
function adaptClient(client: PoolClient): object {
  return { executeSql: async (text: string, values?: unknown[]) => await client.query(text, values) }
}

export default subject
