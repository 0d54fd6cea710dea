import { openWatched } from '../contests/watch/watched.js'
import type { Subject } from '../harness/types.js'

/** The same, and no request is followed. */
const subject: Subject = { open: async (url, lanes) => await openWatched(url, lanes, { clash: false }) }

export default subject
