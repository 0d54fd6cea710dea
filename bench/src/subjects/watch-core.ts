import { connect } from 'holdfast'
import { honoContext } from 'holdfast/http'
import { createApp, createTables, serveApp } from '../contests/watch/app.js'
import type { Subject } from '../harness/types.js'

/** The core and its request context, without watch: what of the whole is whose. */
const subject: Subject = {
  open: async (url, lanes) => {
    const db = await connect({ url, pool: { max: lanes } })
    const query = async (text: string, values: unknown[]) => await db.query(text, values)
    await createTables(query)
    return serveApp(createApp(query, honoContext(db)), async () => await db.close())
  },
}

export default subject
