import { startBlockedAt } from '../contests/async/blocked-at.js'
import { openBare } from '../contests/watch/bare.js'
import type { Subject } from '../harness/types.js'

/** hono and node-postgres, and blocked-at, started first. */
const subject: Subject = {
  open: async (url, lanes) => {
    await startBlockedAt(() => {})
    return await openBare(url, lanes)
  },
}

export default subject
