/** @module How long requests and statements took, where the time went, and since when: by route, of all processes. */

export { adviseIndexes, listIndexFaults } from './advice/index.js'
export type {
  Advice,
  AdviceAsk,
  AdvicePool,
  IndexAdvice,
  IndexFault,
  IndexFaults,
  IndexKind,
  IndexProof,
} from './advice/index.js'
export {
  analyseShape,
  readShape,
  readTables,
  watchShapes,
  type AnalyseLimits,
  type DataShape,
  type ResultLike,
  type ResultShape,
  type ShapeWatch,
  type SourceFigures,
  type TableInfo,
} from './data-shape/index.js'
export { observeClashes, type ClashWatch } from './clash/observe-clashes.js'
export type { Clash, ClashHints, ClashKind, ClashStep } from './clash/describe.js'
export type { ClashesOverview, ClashFilter, ClashReplay, FoundClash } from './clash/inspect-types.js'
export type { RealOverlap } from './clash/overlaps.js'
export { writeReplay } from './clash/store.js'
export type { Driver } from './clash/observe-driver.js'
export { loadIdentify } from './parser.js'
export { watch, type PostgresJs } from './create-watch.js'
export { readDeploy } from './deploy.js'
export { adviseStatement, adviseText, findIndexFaults } from './advise-statement.js'
export { autopsy } from './autopsy/autopsy.js'
export { scanLive, type LiveFinding, type LiveOptions, type LiveScan } from './autopsy/live/live.js'
export type {
  Advise,
  Autopsy,
  AutopsyFix,
  AutopsyOptions,
  Change,
  Onset,
  Suspect,
  SuspectName,
} from './autopsy/types.js'
export { watchErrors } from './errors.js'
export type { Finding, FindingKind } from './findings.js'
export { inspectWatch } from './inspect.js'
export type {
  FindingFilter,
  FindingsOverview,
  FoundFinding,
  QueryDetails,
  QueryLatency,
  QueryPlan,
} from './inspect-plan-types.js'
export type {
  ColdStarts,
  RouteLatency,
  ServiceLatency,
  Shares,
  Spread,
  StatementLatency,
  WatchFilter,
  WatchInspector,
  WatchOverview,
  WatchVerdict,
} from './inspect-types.js'
export {
  plan,
  planMatchers,
  type Plan,
  type PlanAssertions,
  type PlanOptions,
  type PlanSource,
} from './plan-matchers.js'
export type { Access, AccessFamily, Facts, PlanNode, TableFacts } from './plans/plan-types.js'
export {
  autopsyOptionTable,
  clashFilterTable,
  findingFilterTable,
  profileOptionTable,
  watchFilterTable,
  watchOptionTable,
} from './options.js'
export { profileRoute, type ProfileOptions } from './profile/profile-route.js'
export type { ProfiledFunction, RouteProfile } from './profile/attribute.js'
export type { BlockingStats } from './blocking/blocking-watch.js'
export type { PlanStats } from './plans/plan-observer.js'
export type { Watch, WatchOptions, WatchStats } from './types.js'
