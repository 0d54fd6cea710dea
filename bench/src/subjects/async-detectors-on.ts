import { detectorsOn } from '../contests/async/blocking-option.js'
import { openWatched } from '../contests/watch/watched.js'
import type { Subject } from '../harness/types.js'

/** Watch, with everything that looks for who blocks. */
const subject: Subject = { open: async (url, lanes) => await openWatched(url, lanes, detectorsOn) }

export default subject
