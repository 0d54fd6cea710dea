/** @module What keeps a process answering when there is more work than it can do: admission, worker threads, a limiter. */

export { createAdmission } from './create-admission.js'
export { overloadErrors } from './errors.js'
export { admissionOptionTable } from './options.js'
export type {
  Admission,
  AdmissionOptions,
  AdmissionRequest,
  AdmissionStats,
  ClientState,
  EnterOptions,
  Limiter,
  LimiterOptions,
  LimiterRunOptions,
  LimiterStats,
  ShedReason,
} from './types.js'
