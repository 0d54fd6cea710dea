import { openBare } from '../contests/watch/bare.js'
import type { Subject } from '../harness/types.js'

/** hono and node-postgres, and nobody who looks. */
const subject: Subject = { open: async (url, lanes) => await openBare(url, lanes) }

export default subject
