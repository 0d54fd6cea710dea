import { createBusyWork } from '../contests/jobs/busy-work.js'
import { busySettings } from '../contests/jobs/settings.js'
import type { Subject, Work } from '../harness/types.js'
import { hasJobs, openBackend, type Backend, type Handler } from './bullmq.js'

const subject: Subject = { open: async (url) => await openBusy(await openBackend(url)) }

/** Its completed jobs are deleted; a job that fails is tried again at once. */
export async function openBusy(backend: Backend): Promise<Work> {
  const queue = await backend.openQueue('busy')
  const { worker: options, job } = busySettings.bullmq
  return createBusyWork({
    sendMany: async (jobs) =>
      await queue.addBulk(
        jobs.map(({ payload, uniqueKey }) => ({
          name: 'busy',
          data: payload,
          opts: { ...job, deduplication: { id: uniqueKey } },
        })),
      ),
    work: async (handle) => {
      const handler: Handler = async ({ data, attemptsMade }) => await handle(data as never, attemptsMade + 1)
      return await backend.openWorker('busy', handler, options)
    },
    hasJobs: async () => await hasJobs(queue),
    clear: async () => await queue.obliterate({ force: true }),
    close: async () => await queue.close(),
  })
}

export default subject
