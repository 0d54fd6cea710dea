import { openApp } from '../contests/async/overload-app.js'
import type { Subject } from '../harness/types.js'

/** fastify, and nobody who refuses anything. */
const subject: Subject = { open: async (url) => await openApp(url, async () => await Promise.resolve()) }

export default subject
