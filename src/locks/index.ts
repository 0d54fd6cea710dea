/** @module Locks of a database: leases with fences that writes are checked against, and short ones that end with a transaction. */

export { createLocks } from './create-locks.js'
export { locksErrors } from './errors.js'
export { acquireOptionTable, locksOptionTable, runLockOptionTable, shortOptionTable } from './options.js'
export type {
  AcquireOptions,
  Lock,
  LockEntry,
  LockMode,
  Locks,
  LocksOptions,
  RunOptions,
  ShortOptions,
} from './types.js'
