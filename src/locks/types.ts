import type { Db, Logger, Tx, TxOptions } from '../core/index.js'
import type { Backend } from './backend.js'

export type LockMode = 'exclusive' | 'shared'

export interface AcquireOptions {
  /** `shared` holds beside others that are shared. Default: `exclusive`. */
  mode?: LockMode
  /** The lease: so long after the last heartbeat others may have the lock. At least 300. Default: 30 000 ms. */
  ttlMs?: number
  /** It is waited for so long. Default: 10 000 ms. */
  waitMs?: number
  /** Ends waiting. */
  signal?: AbortSignal
  /** The lock that the caller holds while it asks: a circle of waiting is found by it. Inside of `run` it is known. */
  within?: Lock
  /** Shown in `holdfast.locks_overview`. At most 200 characters. Default: none. */
  label?: string
}

export interface RunOptions extends AcquireOptions {
  /** Inside of a scope that holds all of the keys: runs with that lock. Default: false. */
  reentrant?: boolean
}

export interface ShortOptions {
  /** Its connection may do nothing for so long, and on PostgreSQL 17 and later the transaction takes so long at most; then the server ends it. Default: 1 000 ms. */
  ttlMs?: number
  /** It is waited for so long. Default: 5 000 ms. */
  waitMs?: number
  signal?: AbortSignal
}

export interface Lock extends AsyncDisposable {
  readonly keys: readonly string[]
  readonly mode: LockMode
  /** Rises with each holder of a key, also over crashes of the server. */
  readonly fence: bigint
  /** Aborted when the lease has ended (HF_LOCKS_LOST), by a clock that was started before the last heartbeat was sent. */
  readonly signal: AbortSignal
  /** Neither released nor lost. */
  readonly isHeld: boolean
  /**
   * First in a transaction: it fails unless the lock is held, and nobody else gets the lock before the transaction has
   * ended, however late it is. @throws HF_LOCKS_STALE
   */
  guard(tx: Tx): Promise<void>
  /** A transaction that begins with `guard`. @throws HF_LOCKS_STALE, and what `db.tx` throws */
  fenced<T>(body: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T>
  /** Hands it on. Again, or when it was lost, is no error. */
  release(): Promise<void>
}

/** Another place for the queues. */
export interface LocksBackend {
  open(db: Db): Backend
}

export interface LocksOptions {
  /** Where the queues are: `redisBackend(client)`. Fences and guarded writes are the database's all the same. Default: the database. */
  backend?: LocksBackend
  /** Of all that do not say otherwise. Default: 30 000 ms. */
  ttlMs?: number
  /** Default: 10 000 ms. */
  waitMs?: number
  /** Names this process in `holdfast.locks_overview`. Default: host and process id. */
  name?: string
  logger?: Logger
}

/** A holder or a waiter, as `holdfast.locks_overview` has it. */
export interface LockEntry {
  key: string
  state: 'held' | 'waiting'
  mode: LockMode
  fence: string | null
  owner: string
  label: string | null
  askedAt: Date
  heldAt: Date | null
  leaseEndsAt: Date | null
}

export interface Locks {
  /**
   * Waits for all of the keys and holds them together; those who ask first get them first. The lease goes on by itself
   * until `release`, or until this process fails to tell the database that it lives.
   * @throws HF_LOCKS_TIMEOUT, HF_LOCKS_DEADLOCK, HF_LOCKS_KEY, HF_LOCKS_CLOSED
   */
  acquire(keys: string | readonly string[], options?: AcquireOptions): Promise<Lock>
  /** Undefined: it is somebody else's, or somebody waits for it. */
  tryAcquire(keys: string | readonly string[], options?: Omit<AcquireOptions, 'waitMs'>): Promise<Lock | undefined>
  /** Acquires, runs, releases. Throws what the body throws; a lock that was lost meanwhile aborts `lock.signal`. */
  run<T>(keys: string | readonly string[], body: (lock: Lock) => Promise<T>, options?: RunOptions): Promise<T>
  /**
   * For less than a second, and for work on the database alone: a transaction on a connection of its own that has the lock.
   * No lease, no fence: all that it writes goes through the transaction.
   * @throws HF_LOCKS_TIMEOUT, and what `db.tx` throws
   */
  short<T>(key: string, body: (tx: Tx) => Promise<T>, options?: ShortOptions): Promise<T>
  /** Who holds and who waits, of one key or of all, at most 1 000. */
  overview(key?: string): Promise<LockEntry[]>
  /** Releases what is held, and tells those who wait (HF_LOCKS_CLOSED). */
  close(): Promise<void>
}
