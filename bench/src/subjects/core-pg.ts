import pg from 'pg'
import type { Subject } from '../harness/types.js'

/** node-postgres as its documentation shows it: pool.query, and BEGIN … COMMIT on a client of the pool. */
const subject: Subject = {
  open: async (url, lanes) => {
    const pool = new pg.Pool({ connectionString: url, max: lanes })
    await pool.query('select 1')
    return {
      operations: {
        query: async () => await pool.query('select $1::int as id, $2::text as name', [42, 'seat']),
        tx: async () => {
          const client = await pool.connect()
          try {
            await client.query('BEGIN')
            const result = await client.query('select $1::int as id, $2::text as name', [42, 'seat'])
            await client.query('COMMIT')
            return result
          } catch (error) {
            await client.query('ROLLBACK')
            throw error
          } finally {
            client.release()
          }
        },
      },
      close: async () => await pool.end(),
    }
  },
}

export default subject
