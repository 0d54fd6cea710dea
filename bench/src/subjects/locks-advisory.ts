import pg from 'pg'
import { createLockWork } from '../contests/locks/lock-work.js'
import type { Subject } from '../harness/types.js'

/** A transaction that has the lock: begun and locked in one round trip, committed in another. A connection per waiter. */
const subject: Subject = {
  open: async (url, lanes) => {
    const pool = new pg.Pool({ connectionString: url, max: lanes, idleTimeoutMillis: 0 })
    await pool.query('select 1')
    return createLockWork({
      acquire: async (key) => {
        const client = await pool.connect()
        await client.query(`begin; select pg_advisory_xact_lock(hashtextextended(${client.escapeLiteral(key)}, 0))`)
        return async () => {
          await client.query('commit')
          client.release()
        }
      },
      close: async () => await pool.end(),
    })
  },
}

export default subject
