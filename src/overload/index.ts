/** @module What keeps a process answering when there is more work than it can do: admission, worker threads, a limiter. */

export { createAdmission } from './create-admission.js'
export { createLimiter } from './create-limiter.js'
export { overloadErrors } from './errors.js'
export { offload } from './offload.js'
export { createOffloadPool, sharedOffloadPool } from './offload-pool.js'
export {
  admissionOptionTable,
  limiterOptionTable,
  limiterRunOptionTable,
  offloadOptionTable,
  offloadPoolOptionTable,
  offloadRunOptionTable,
} from './options.js'
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
  Offloaded,
  OffloadOptions,
  OffloadPool,
  OffloadPoolOptions,
  OffloadRoute,
  OffloadRunOptions,
  OffloadStats,
  ShedReason,
} from './types.js'
