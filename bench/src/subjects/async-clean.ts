import { connect } from 'holdfast'
import { honoContext } from 'holdfast/http'
import { watch, type Finding } from 'holdfast/watch'
import { detectorsOn } from '../contests/async/blocking-option.js'
import { openCleanApp } from '../contests/async/clean-app.js'
import type { Subject } from '../harness/types.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }

/** With everything that looks for blocks. */
const subject: Subject = {
  open: async (url, lanes) => {
    const db = await connect({ url, pool: { max: lanes }, logger })
    await db.migrate()
    const told: Finding[] = []
    const watching = await watch(db, { ...detectorsOn, logger, onFinding: (finding) => void told.push(finding) })
    return await openCleanApp({
      folder: process.env['CLEAN_FOLDER'] as string,
      query: async (text, values) => await db.query(text, values),
      context: honoContext(db),
      tell: () => told,
      close: async () => {
        await watching.stop()
        await db.close()
      },
    })
  },
}

export default subject
