/** @module How long requests and statements took, where the time went, and since when: by route, of all processes. */

export { watch, type PostgresJs } from './create-watch.js'
export { readDeploy } from './deploy.js'
export { watchErrors } from './errors.js'
export { inspectWatch } from './inspect.js'
export type {
  RouteLatency,
  Shares,
  Spread,
  StatementLatency,
  WatchFilter,
  WatchInspector,
  WatchOverview,
  WatchVerdict,
} from './inspect-types.js'
export { watchFilterTable, watchOptionTable } from './options.js'
export type { Watch, WatchOptions, WatchStats } from './types.js'
