import { resolve } from 'node:path'
import { connect } from 'holdfast'
import { honoContext } from 'holdfast/http'
import { watch } from 'holdfast/watch'
import { openBlocksApp, type Told } from '../contests/async/blocks-app.js'
import { detectorsOn } from '../contests/async/blocking-option.js'
import type { Subject } from '../harness/types.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }

/** With everything that looks for blocks. */
const subject: Subject = {
  open: async (url, lanes) => {
    const db = await connect({ url, pool: { max: lanes }, logger })
    await db.migrate()
    const told: Told[] = []
    const watching = await watch(db, {
      ...detectorsOn,
      logger,
      onFinding: ({ kind, subject: place, route }) => void told.push({ kind, places: [resolve(place)], route }),
    })
    return await openBlocksApp({
      folder: process.env['BLOCKS_FOLDER'] as string,
      query: async (text, values) => await db.query(text, values),
      context: honoContext(db),
      tell: () => told.splice(0),
      close: async () => {
        await watching.stop()
        await db.close()
      },
    })
  },
}

export default subject
