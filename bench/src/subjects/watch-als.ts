import pg from 'pg'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createApp, createTables, serveApp } from '../contests/watch/app.js'
import type { Subject } from '../harness/types.js'

/** What Node itself asks for knowing, in a query, which request it is for: nobody who tells statements by route pays less. */
const subject: Subject = {
  open: async (url, lanes) => {
    const pool = new pg.Pool({ connectionString: url, max: lanes })
    const query = async (text: string, values: unknown[]) => await pool.query(text, values)
    await createTables(query)
    const storage = new AsyncLocalStorage<object>()
    return serveApp(
      createApp(query, async (_, next) => await storage.run({}, next)),
      async () => await pool.end(),
    )
  },
}

export default subject
