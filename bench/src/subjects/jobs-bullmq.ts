import { createWork, type Payload } from '../contests/jobs/queue-work.js'
import { bullMq } from '../contests/jobs/settings.js'
import type { Subject, Work } from '../harness/types.js'
import { hasJobs, openBackend, type Backend } from './bullmq.js'

const subject: Subject = { open: async (url) => await openBullMq(await openBackend(url)) }

export async function openBullMq(backend: Backend): Promise<Work> {
  const queue = await backend.openQueue('bench')
  return await createWork({
    send: async (payload) => await queue.add('bench', payload),
    sendMany: async (payloads) => await queue.addBulk(payloads.map((data) => ({ name: 'bench', data }))),
    work: async (onStart) =>
      await backend.openWorker(
        'bench',
        async ({ data }) => {
          onStart(data as Payload)
          await Promise.resolve()
        },
        bullMq,
      ),
    hasJobs: async () => await hasJobs(queue),
    clear: async () => await queue.obliterate({ force: true }),
    close: async () => await queue.close(),
  })
}

export default subject
