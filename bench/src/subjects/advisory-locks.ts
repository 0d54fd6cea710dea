import pg from 'pg'
import { createLockWork } from '../contests/locks/lock-work.js'
import type { Subject } from '../harness/types.js'

/** A transaction that has the lock, and a connection per waiter. */
export function createAdvisory(lock: (client: pg.PoolClient, key: string) => Promise<void>): Subject {
  return {
    open: async (url, lanes) => {
      const pool = new pg.Pool({ connectionString: url, max: lanes, idleTimeoutMillis: 0 })
      await pool.query('select 1')
      return createLockWork({
        acquire: async (key) => {
          const client = await pool.connect()
          await lock(client, key)
          return async () => {
            await client.query('commit')
            client.release()
          }
        },
        close: async () => await pool.end(),
      })
    },
  }
}
