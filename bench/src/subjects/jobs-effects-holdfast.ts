import { connect } from 'holdfast'
import { createJobs, defineJob } from 'holdfast/jobs'
import { createEffects, insertEffect, openSidePool, verifyEffects } from '../contests/jobs/effects.js'
import { createWork, type Payload } from '../contests/jobs/queue-work.js'
import { effectSettings } from '../contests/jobs/settings.js'
import { readFoundBy } from '../contests/jobs/user-transactions.js'
import type { Subject } from '../harness/types.js'

const TABLE = 'effects_holdfast'

/** Up to so many jobs share a commit, each with a savepoint of its own: one that fails leaves the others alone. */
const subject: Subject = {
  open: async (url) => {
    const { sharedCommits, concurrency, poolMax } = effectSettings.holdfast
    const db = await connect({ url, pool: { max: poolMax } })
    await db.migrate()
    const pool = openSidePool(url)
    await createEffects(pool, TABLE)
    const text = insertEffect(TABLE)
    let onStart: (payload: Payload) => void = () => {}
    const job = defineJob('effect', {
      mode: 'transaction',
      sharedCommits,
      handler: async ({ tx, id, payload }: { tx: Sender; id: string; payload: Payload }) => {
        onStart(payload)
        await tx.query(text, [id])
      },
    })
    const jobs = await createJobs(db, { jobs: [job] })
    return await createWork({
      send: async (payload) => await jobs.send(job, payload),
      sendMany: async (payloads) => await jobs.sendMany(job, payloads),
      work: async (listener) => {
        onStart = listener
        const worker = await jobs.work({ concurrency })
        return async () => await worker.stop()
      },
      hasJobs: async () => await readFoundBy(db, 'select exists (select from holdfast.jobs_ready) as found'),
      verify: async (amount) => await verifyEffects(pool, TABLE, amount),
      clear: async () => void (await pool.query(`truncate holdfast.jobs_ready, holdfast.jobs_claims, ${TABLE}`)),
      close: async () => {
        await jobs.close()
        await db.close()
        await pool.end()
      },
    })
  },
}

interface Sender {
  query: (text: string, values: unknown[]) => Promise<unknown>
}

export default subject
