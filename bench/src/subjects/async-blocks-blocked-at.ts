import pg from 'pg'
import { startBlockedAt } from '../contests/async/blocked-at.js'
import { openBlocksApp, type Told } from '../contests/async/blocks-app.js'
import type { Subject } from '../harness/types.js'

/** The same application with plain node-postgres. */
const subject: Subject = {
  open: async (url, lanes) => {
    const told: Told[] = []
    await startBlockedAt(
      (_ms, stack) => void told.push({ kind: 'blocked-at', places: stack.flatMap(readPlace), route: '' }),
    )
    const pool = new pg.Pool({ connectionString: url, max: lanes })
    return await openBlocksApp({
      folder: process.env['BLOCKS_FOLDER'] as string,
      query: async (text, values) => await pool.query(text, values),
      tell: () => told.splice(0),
      close: async () => await pool.end(),
    })
  },
}

function readPlace(frame: string): string[] {
  const place = /(\/[^():]+:\d+):\d+\)?$/.exec(frame)?.[1]
  return place === undefined ? [] : [place.replace(/^\/\/(?=\/)/, '')]
}

export default subject
