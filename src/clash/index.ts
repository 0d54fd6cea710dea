/** @module Two requests that collide: replayed on a clone in every order of their statements, with a fix that is proven before it is written. */

export { httpRequest, type HttpRequest } from './app/http-request.js'
export { openAppLab, type AppLabOptions } from './app/open-app-lab.js'
export type { RunningApp } from './app/start-app.js'
export { clashErrors } from './errors.js'
export { appLabOptionTable, clashLabOptionTable, replayOptionTable } from './options.js'
export { proposeFixes } from './fix/propose.js'
export { proveFixes, type FixProof, type ProveOptions } from './fix/prove.js'
export type { Fix, FixName, GateFix, GateStatement, Rewritten } from './fix/types.js'
export { openClashLab } from './replay/lab.js'
export { writeClashTest, type TestParts } from './write-test.js'
export type {
  ClashLab,
  ClashLabOptions,
  FixCost,
  ReplayOptions,
  ReplayReport,
  ReplayRequest,
  ReplayStep,
  SerialOutcome,
} from './types.js'
