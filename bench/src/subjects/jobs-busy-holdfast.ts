import { connect } from 'holdfast'
import { createJobs, defineJob } from 'holdfast/jobs'
import { createBusyWork, type BusyPayload } from '../contests/jobs/busy-work.js'
import { busySettings } from '../contests/jobs/settings.js'
import { readFoundBy } from '../contests/jobs/user-transactions.js'
import type { Subject } from '../harness/types.js'

const tables = ['ready', 'claims', 'later', 'unique', 'waiting', 'dead']

const SEND = `select count(holdfast.send_job('busy', payload, null, 1, "uniqueKey", key))
  from jsonb_to_recordset($1) sent (payload jsonb, "uniqueKey" text, key text)`

const subject: Subject = {
  open: async (url) => {
    const { perKey, backoffMs } = busySettings.holdfast
    const db = await connect({ url })
    await db.migrate()
    let handle: (payload: BusyPayload, attempt: number) => Promise<void> = async () => {}
    const job = defineJob('busy', {
      perKey,
      backoffMs,
      handler: async ({ payload, attempt }: { payload: BusyPayload; attempt: number }) =>
        await handle(payload, attempt),
    })
    const jobs = await createJobs(db, { jobs: [job] })
    return createBusyWork({
      // sendMany takes no keys, and single sends with keys have a commit each: the function for other languages instead.
      sendMany: async (list) => await db.query(SEND, [JSON.stringify(list)]),
      work: async (handler) => {
        handle = handler
        const worker = await jobs.work()
        return async () => await worker.stop()
      },
      hasJobs: async () =>
        await readFoundBy(
          db,
          `select exists (select from holdfast.jobs_ready) or exists (select from holdfast.jobs_later)
             or exists (select from holdfast.jobs_waiting) as found`,
        ),
      clear: async () =>
        void (await db.query(`truncate ${tables.map((table) => `holdfast.jobs_${table}`).join(', ')}`)),
      close: async () => {
        await jobs.close()
        await db.close()
      },
    })
  },
}

export default subject
