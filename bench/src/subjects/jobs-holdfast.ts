import { connect } from 'holdfast'
import { createJobs, defineJob } from 'holdfast/jobs'
import { createWork, type Payload } from '../contests/jobs/queue-work.js'
import { readFoundBy } from '../contests/jobs/user-transactions.js'
import type { Subject, Work } from '../harness/types.js'

/** The defaults of all options. */
const subject: Subject = { open: async (url) => await openHoldfast(url, { keeps: false }) }

/** `keeps`: what is in the tables stays there, whoever comes or goes. */
export async function openHoldfast(url: string, { keeps }: { keeps: boolean }): Promise<Work> {
  const db = await connect({ url })
  await db.migrate()
  await db.query('create table if not exists bench_holdfast (id bigserial primary key, note text not null)')
  let onStart: (payload: Payload) => void = () => {}
  const job = defineJob('bench', { handler: ({ payload }: { payload: Payload }) => onStart(payload) })
  const jobs = await createJobs(db, { jobs: [job] })
  return await createWork({
    send: async (payload) => await jobs.send(job, payload),
    sendMany: async (payloads) => await jobs.sendMany(job, payloads),
    runTransaction: async (payload) =>
      await db.tx(async (tx) => {
        await tx.query('insert into bench_holdfast (note) values ($1)', ['paid'])
        if (payload) await jobs.send(tx, job, payload)
      }),
    work: async (listener) => {
      onStart = listener
      const worker = await jobs.work()
      return async () => await worker.stop()
    },
    hasJobs: async () => await readFoundBy(db, 'select exists (select from holdfast.jobs_ready) as found'),
    clear: async () => {
      if (keeps) return
      await db.query('truncate holdfast.jobs_ready, holdfast.jobs_claims, bench_holdfast')
    },
    close: async () => {
      await jobs.close()
      await db.close()
    },
  })
}

export default subject
