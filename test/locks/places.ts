import { createClient } from '@redis/client'
import { Redis } from 'ioredis'
import pg from 'pg'
import { connectTo } from '../../src/core/index.js'
import { createLocks, redisBackend, type Locks, type LocksOptions } from '../../src/locks/index.js'
import type { TestDatabase } from '../helpers/database.js'
import { findRedis, startRedis, type RedisServer } from '../chaos/redis.js'

const ignore = () => {}
export const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** A back end of locks, as several processes have it. */
export interface Place {
  /** Another process: its own pool, and its own connections to the queues. */
  open(options?: LocksOptions): Promise<Locks>
  /** As the process would be thought of that holds the key and was not heard of for as long as its lease. */
  lapse(key: string): Promise<void>
  /** Ends those that were opened, the last one first. */
  closeAll(): Promise<void>
  /** How much is left in the queues. */
  countLeft(): Promise<number>
  close(): Promise<void>
}

export interface PlaceKind {
  name: string
  isThere: boolean
  start: (box: TestDatabase) => Promise<Place>
}

const hasRedis = (await findRedis()) !== undefined

export const kinds: readonly PlaceKind[] = [
  { name: 'PostgreSQL', isThere: true, start: startPostgres },
  { name: 'Redis with ioredis', isThere: hasRedis, start: async (box) => await startOnRedis(box, openIoredis) },
  { name: 'Redis with node-redis', isThere: hasRedis, start: async (box) => await startOnRedis(box, openNodeRedis) },
]

async function startPostgres(box: TestDatabase): Promise<Place> {
  const owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  const opened = createOpened()
  return {
    open: async (options) => await opened.openLocks(box.url, options),
    lapse: async (key) => {
      await owner.query(
        `with q as (update holdfast.locks_requests set asked_at = now() - interval '1 day', held_at = now() - interval '1 day' where key = $1 and fence is not null returning owner)
         update holdfast.locks_owners o set seen_at = now() - interval '1 day' from q where o.id = q.owner`,
        [key],
      )
    },
    closeAll: async () => await opened.closeAll(),
    countLeft: async () => (await owner.query('select from holdfast.locks_requests')).rowCount ?? 0,
    close: async () => await owner.end(),
  }
}

interface Link {
  client: Parameters<typeof redisBackend>[0]
  close(): Promise<void>
}

async function startOnRedis(box: TestDatabase, openLink: (port: number) => Promise<Link>): Promise<Place> {
  const server = await startRedis()
  const admin = new Redis({ port: server.port })
  const opened = createOpened()
  return {
    open: async (options) => {
      const link = await openLink(server.port)
      opened.add(link)
      return await opened.openLocks(box.url, { backend: redisBackend(link.client), ...options })
    },
    lapse: async (key) => {
      const [ticket] = await admin.zrange(`holdfast:locks:q:${key}`, '0', '0')
      const owner = await admin.hget(`holdfast:locks:t:${ticket}`, 'o')
      await admin.hset(`holdfast:locks:t:${ticket}`, { a: 1, h: 1 })
      await admin.hset(`holdfast:locks:o:${owner}`, { seen: 1 })
    },
    closeAll: async () => await opened.closeAll(),
    countLeft: async () => (await admin.keys('holdfast:locks:[qtw]:*')).length,
    close: async () => {
      admin.disconnect()
      await server.close()
    },
  }
}

export async function openIoredis(port: number): Promise<Link> {
  const client = new Redis({ port })
  client.on('error', ignore)
  await client.ping()
  return {
    client,
    close: async () => {
      client.disconnect()
      await Promise.resolve()
    },
  }
}

async function openNodeRedis(port: number): Promise<Link> {
  const client = createClient({ socket: { port } })
  client.on('error', ignore)
  await client.connect()
  return {
    client,
    close: async () => {
      client.destroy()
      await Promise.resolve()
    },
  }
}

export type { RedisServer }

interface Opened {
  add(each: { close(): Promise<void> }): void
  openLocks(url: string, options?: LocksOptions): Promise<Locks>
  closeAll(): Promise<void>
}

function createOpened(): Opened {
  const all: { close(): Promise<void> }[] = []
  return {
    add: (each) => void all.push(each),
    openLocks: async (url, options) => {
      const db = await connectTo({ url, directUrl: url, heartbeatMs: 600_000, logger })
      const locks = createLocks(db, { logger, ...options })
      all.push(db, locks)
      return locks
    },
    closeAll: async () => {
      for (const each of all.splice(0).toReversed()) await each.close()
    },
  }
}
