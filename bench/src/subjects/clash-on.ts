import { openWatched } from '../contests/watch/watched.js'
import type { Subject } from '../harness/types.js'

/** Watch with its defaults: requests are followed half a second in ten. */
const subject: Subject = { open: async (url, lanes) => await openWatched(url, lanes, { clash: true }) }

export default subject
