import pg from 'pg'
import { loadPeer } from '../harness/load-peer.js'
import { CONCURRENCY } from '../contests/jobs/settings.js'

export interface Queue {
  waitUntilReady: () => Promise<unknown>
  add: (name: string, data: object) => Promise<unknown>
  addBulk: (jobs: readonly { name: string; data: object; opts?: object }[]) => Promise<unknown>
  getJobCountByTypes: (...types: string[]) => Promise<number>
  obliterate: (options: object) => Promise<void>
  close: () => Promise<void>
}

interface Worker {
  on: (event: 'error' | 'failed', listener: () => void) => void
  waitUntilReady: () => Promise<unknown>
  close: () => Promise<void>
}

export type Handler = (job: { data: unknown; attemptsMade: number }) => Promise<void>

interface BullMq {
  Queue: new (name: string, options: object, factory?: unknown) => Queue
  Worker: new (name: string, handler: Handler, options: object, factory?: unknown) => Worker
  createPostgresBackend: unknown
  runMigrations: (client: pg.PoolClient) => Promise<void>
}

export interface Backend {
  openQueue(name: string): Promise<Queue>
  /** Gives what stops it. */
  openWorker(name: string, handler: Handler, options: object): Promise<() => Promise<void>>
}

/** On Redis. It has no transactions with a user's rows, and is durable to the last second only. */
export async function openBackend(url: string): Promise<Backend> {
  const { hostname: host, port } = new URL(url)
  return createBackend(await loadPeer<BullMq>('bullmq'), { host, port: Number(port), maxRetriesPerRequest: null })
}

/**
 * On PostgreSQL, as the package has it since its version 6: the same queues with the other back end. A pool as large as
 * what runs at once, as its documentation advises. No transactions with a user's rows either.
 */
export async function openPostgresBackend(url: string): Promise<Backend> {
  const bullMq = await loadPeer<BullMq>('bullmq')
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const client = await pool.connect()
  await bullMq.runMigrations(client)
  client.release()
  await pool.end()
  return createBackend(bullMq, { connectionString: url, max: CONCURRENCY + 2 }, bullMq.createPostgresBackend)
}

function createBackend(bullMq: BullMq, connection: object, factory?: unknown): Backend {
  return {
    openQueue: async (name) => {
      const queue = new bullMq.Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } }, factory)
      await queue.waitUntilReady()
      return queue
    },
    openWorker: async (name, handler, options) => {
      const worker = new bullMq.Worker(name, handler, { connection, ...options }, factory)
      worker.on('error', () => {})
      await worker.waitUntilReady()
      return async () => await worker.close()
    },
  }
}

/** Whether one of them is not completed yet. */
export async function hasJobs(queue: Queue): Promise<boolean> {
  return (await queue.getJobCountByTypes('wait', 'active', 'paused', 'delayed', 'prioritized')) > 0
}
