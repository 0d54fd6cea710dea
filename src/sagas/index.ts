/** @module Durable functions of several steps that always end: done, or undone. */

export { createSagas } from './create-sagas.js'
export { defineSaga } from './define-saga.js'
export { sagasErrors } from './errors.js'
export { inspectSagas } from './inspect.js'
export type {
  SagaActionView,
  SagaAmount,
  SagaDetails,
  SagaFilter,
  SagaKindView,
  SagaListing,
  SagaPayload,
  SagaRow,
  SagaSignalView,
  SagasInspector,
  SagasOverview,
  SagaStepView,
  SagasVerdict,
  SagaUndoView,
  SagaWorkerView,
} from './inspect-types.js'
export { describeMissing, operateSagas, type SagasOperator } from './operate.js'
export {
  callStepTable,
  resultOptionTable,
  retryOptionTable,
  sagaOptionTable,
  sagaWorkOptionTable,
  startOptionTable,
  txStepTable,
  waitOptionTable,
} from './options.js'
export { readHistory, replay, type SagaHistory } from './replay.js'
export type {
  ActionOptions,
  CallContext,
  CallStep,
  ResultOptions,
  RetryOptions,
  SagaDefinition,
  SagaError,
  SagaOptions,
  Sagas,
  SagasOptions,
  SagaState,
  SagaStatus,
  SignalOptions,
  Started,
  StartOptions,
  Steps,
  Stored,
  Stranded,
  TxStep,
  UndoContext,
  WaitOptions,
  Worker,
  WorkerStats,
  WorkOptions,
} from './types.js'
export { findStranded, findStuck } from './verdict.js'
export type { SchemaResult, StandardSchema } from '../core/index.js'
