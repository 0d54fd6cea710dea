/** @module The same request twice has one effect and one answer; the inbox for messages from other services. */

export { createIdempotency } from './create-idempotency.js'
export { idempotencyErrors } from './errors.js'
export { findIdempotencyKey, readIdempotencyKey } from './fingerprint.js'
export { httpRuleTable, idempotencyOptionTable, messageOptionTable, runOptionTable } from './options.js'
export type {
  CallKey,
  HttpRules,
  Idempotency,
  IdempotencyOptions,
  KeepOptions,
  Message,
  Outcome,
  RunOptions,
} from './types.js'
