/** @module Locks of a database: leases with fences that writes are checked against, and short ones that end with a transaction. */

export { createLocks } from './create-locks.js'
export { locksErrors } from './errors.js'
export { inspectLocks, type InspectLocksOptions } from './inspect.js'
export { redisBackend, type RedisBackendOptions } from './redis-backend.js'
export type { RedisClient } from './redis-client.js'
export type {
  Amount,
  CircleMember,
  HolderState,
  KeyState,
  LocksOverview,
  LocksPart,
  LocksVerdict,
  OpenedKey,
  SessionState,
  WaiterState,
} from './inspect-types.js'
export { acquireOptionTable, locksOptionTable, runLockOptionTable, shortOptionTable } from './options.js'
export type {
  AcquireOptions,
  Lock,
  LockEntry,
  LockMode,
  Locks,
  LocksBackend,
  LocksOptions,
  RunOptions,
  ShortOptions,
} from './types.js'
