import type { WatchOptions } from 'holdfast/watch'

/** What looks for who blocks the event loop, all of it. The one place that knows the option's name. */
export const detectorsOn: WatchOptions = { blocking: true }
export const detectorsOff: WatchOptions = { blocking: false }
