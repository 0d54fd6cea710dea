import { createEffects, insertEffect, openSidePool, verifyEffects } from '../contests/jobs/effects.js'
import { createWork, type Payload } from '../contests/jobs/queue-work.js'
import { effectSettings } from '../contests/jobs/settings.js'
import { readFound, truncateTables } from '../contests/jobs/user-transactions.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject, Work } from '../harness/types.js'

interface Transaction {
  executeSql: (text: string, values?: unknown[]) => Promise<unknown>
}

interface Boss {
  on: (event: 'error' | 'warning', listener: (error: unknown) => void) => void
  start: () => Promise<unknown>
  stop: (options: object) => Promise<void>
  createQueue: (name: string, options: object) => Promise<void>
  send: (name: string, data: object) => Promise<unknown>
  insert: (name: string, jobs: readonly { data: object }[]) => Promise<unknown>
  work: (
    name: string,
    options: object,
    handler: (jobs: readonly { id: string; data: Payload }[], tx: Transaction) => Promise<void>,
  ) => Promise<string>
  offWork: (name: string, options: object) => Promise<void>
}

interface PgBossModule {
  PgBoss: new (options: object) => Boss
}

const TABLE = 'effects_boss'
const TEXT = insertEffect(TABLE)

/** A batch and its completion are one transaction: what its documentation offers. One job that fails takes all with it. */
const subject: Subject = { open: async (url) => await openBoss(url, { hasSavepoints: false }) }

/** `hasSavepoints`: a savepoint for each job, without which none can fail alone. */
export async function openBoss(url: string, { hasSavepoints }: { hasSavepoints: boolean }): Promise<Work> {
  const { PgBoss } = await loadPeer<PgBossModule>('pg-boss')
  const { poolMax, ...workOptions } = effectSettings['pg-boss']
  const pool = openSidePool(url)
  await createEffects(pool, TABLE)
  const boss = new PgBoss({ connectionString: url, max: poolMax, useListenNotify: true })
  boss.on('error', (error) => process.stderr.write(`pg-boss: ${String(error)}\n`))
  await boss.start()
  await boss.createQueue('bench', { notify: true })
  const insert = hasSavepoints ? insertAlone : insertPlainly
  return await createWork({
    send: async (payload) => await boss.send('bench', payload),
    sendMany: async (payloads) =>
      await boss.insert(
        'bench',
        payloads.map((data) => ({ data })),
      ),
    work: async (onStart) => {
      await boss.work('bench', workOptions, async (jobs, tx) => {
        for (const { id, data } of jobs) {
          onStart(data)
          await insert(tx, id)
        }
      })
      return async () => await boss.offWork('bench', { wait: true })
    },
    hasJobs: async () =>
      await readFound(
        pool,
        `select exists (select from pgboss.job where name = 'bench' and state < 'completed') as found`,
      ),
    verify: async (amount) => await verifyEffects(pool, TABLE, amount),
    clear: async () => await truncateTables(pool, `pgboss.job, ${TABLE}`),
    close: async () => {
      await boss.stop({ graceful: true, timeout: 5_000 })
      await pool.end()
    },
  })
}

async function insertPlainly(tx: Transaction, id: string): Promise<void> {
  await tx.executeSql(TEXT, [id])
}

async function insertAlone(tx: Transaction, id: string): Promise<void> {
  await tx.executeSql('savepoint job')
  await tx.executeSql(TEXT, [id])
  await tx.executeSql('release savepoint job')
}

export default subject
