import { createWork, type Payload } from '../contests/jobs/queue-work.js'
import { bullMq } from '../contests/jobs/settings.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

interface Closable {
  waitUntilReady: () => Promise<unknown>
  close: () => Promise<void>
}

interface Queue extends Closable {
  add: (name: string, data: object) => Promise<unknown>
  addBulk: (jobs: readonly { name: string; data: object }[]) => Promise<unknown>
  getJobCountByTypes: (...types: string[]) => Promise<number>
  obliterate: (options: object) => Promise<void>
}

interface BullMq {
  Queue: new (name: string, options: object) => Queue
  Worker: new (name: string, handler: (job: { data: Payload }) => Promise<void>, options: object) => Closable
}

/** On Redis. It has no transactions with a user's rows, and is durable to the last second only. */
const subject: Subject = {
  open: async (url) => {
    const { Queue, Worker } = await loadPeer<BullMq>('bullmq')
    const { hostname: host, port } = new URL(url)
    const connection = { host, port: Number(port), maxRetriesPerRequest: null }
    const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } })
    await queue.waitUntilReady()
    return await createWork({
      send: async (payload) => await queue.add('bench', payload),
      sendMany: async (payloads) => await queue.addBulk(payloads.map((data) => ({ name: 'bench', data }))),
      work: async (onStart) => {
        const handle = async ({ data }: { data: Payload }) => {
          onStart(data)
          await Promise.resolve()
        }
        const worker = new Worker('bench', handle, { connection, ...bullMq })
        await worker.waitUntilReady()
        return async () => await worker.close()
      },
      hasJobs: async () => (await queue.getJobCountByTypes('wait', 'active', 'paused', 'delayed')) > 0,
      clear: async () => await queue.obliterate({ force: true }),
      close: async () => await queue.close(),
    })
  },
}

export default subject
