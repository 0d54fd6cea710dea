import pg from 'pg'
import type { Work } from '../../harness/types.js'
import { createApp, createTables, serveApp } from './app.js'

/** hono and node-postgres, and whoever was started before they were loaded. */
export async function openBare(
  url: string,
  lanes: number,
  watcher?: { report: () => Promise<number>; close: () => Promise<void> },
): Promise<Work> {
  const pool = new pg.Pool({ connectionString: url, max: lanes })
  const query = async (text: string, values: unknown[]) => await pool.query(text, values)
  await createTables(query)
  const close = async () => {
    await pool.end()
    await watcher?.close()
  }
  return serveApp(createApp(query), close, watcher?.report)
}
