import pg from 'pg'
import { createApp, createTables, serveApp } from '../contests/watch/app.js'
import type { Subject } from '../harness/types.js'

/** hono and node-postgres, and nobody who looks. */
const subject: Subject = {
  open: async (url, lanes) => {
    const pool = new pg.Pool({ connectionString: url, max: lanes })
    const query = async (text: string, values: unknown[]) => await pool.query(text, values)
    await createTables(query)
    return serveApp(createApp(query), async () => await pool.end())
  },
}

export default subject
