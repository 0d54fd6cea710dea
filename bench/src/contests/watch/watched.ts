import { connect } from 'holdfast'
import { honoContext } from 'holdfast/http'
import { watch, type WatchOptions } from 'holdfast/watch'
import type { Work } from '../../harness/types.js'
import { createApp, createTables, ROUTE, serveApp } from './app.js'

/** The core and watch: deadlines, request context, histograms by route and statement, flushed. */
export async function openWatched(url: string, lanes: number, options: WatchOptions = {}): Promise<Work> {
  const db = await connect({ url, pool: { max: lanes } })
  await db.migrate()
  const watching = await watch(db, options)
  const query = async (text: string, values: unknown[]) => await db.query(text, values)
  await createTables(query)
  const close = async () => {
    await watching.stop()
    await db.close()
  }
  // Its route and both of its statements, and what is seen can be written.
  const report = async () => {
    await watching.flush()
    return watching.stats().series < 2 ? 0 : (db.stats().routes.get(ROUTE)?.count ?? 0)
  }
  return serveApp(createApp(query, honoContext(db)), close, report)
}
