import { detectorsOff } from '../contests/async/blocking-option.js'
import { openWatched } from '../contests/watch/watched.js'
import type { Subject } from '../harness/types.js'

/** Watch alone. */
const subject: Subject = { open: async (url, lanes) => await openWatched(url, lanes, detectorsOff) }

export default subject
