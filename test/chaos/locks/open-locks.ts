import { Redis } from 'ioredis'
import type { Db } from 'holdfast'
import { createLocks, redisBackend, type Locks, type LocksOptions } from 'holdfast/locks'
import { logger } from '../program.js'

/** With their queues in the database, or in the Redis on that port. */
export function openLocks(db: Db, redisPort: number | undefined, options: LocksOptions): Locks {
  if (redisPort === undefined) return createLocks(db, { logger, ...options })
  const client = new Redis({ port: redisPort, retryStrategy: () => 100 })
  client.on('error', () => {})
  const locks = createLocks(db, { logger, backend: redisBackend(client), ...options })
  const close = locks.close.bind(locks)
  locks.close = async () => {
    await close()
    client.disconnect()
  }
  return locks
}
