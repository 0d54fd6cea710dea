import { openWatched } from '../contests/watch/watched.js'
import type { Subject } from '../harness/types.js'

/** The core and watch, with their defaults. */
const subject: Subject = { open: async (url, lanes) => await openWatched(url, lanes) }

export default subject
