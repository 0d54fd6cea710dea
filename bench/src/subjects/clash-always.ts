import { openWatched } from '../contests/watch/watched.js'
import type { Subject } from '../harness/types.js'

/** Every request is followed. */
const subject: Subject = { open: async (url, lanes) => await openWatched(url, lanes, { clashEveryMs: 0 }) }

export default subject
