import { AsyncLocalStorage } from 'node:async_hooks'
import { hostname } from 'node:os'
import { stderrLogger, validateOptions, type Db, type Tx } from '../core/index.js'
import type { Backend } from './backend.js'
import { locksError } from './errors.js'
import { HeldLock } from './held-lock.js'
import { checkKey, readKeys } from './keys.js'
import { acquireOptionTable, locksDefaults, locksOptionTable, runLockOptionTable, shortOptionTable } from './options.js'
import { PostgresBackend } from './postgres-backend.js'
import { Session } from './session.js'
import { ShortLocks } from './short-locks.js'
import type { AcquireOptions, Lock, LockEntry, Locks, LocksOptions, RunOptions, ShortOptions } from './types.js'

const MOST_SHOWN = 1_000
/** What is not given needs no check. */
const noOptions = {}

/** The locks in whose scopes the code runs, the innermost first. */
interface Scope {
  lock: HeldLock
  outer: Scope | undefined
}

/**
 * Locks of a database: leases with fences, and short ones that end with a transaction.
 *
 * @throws HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID, HF_LOCKS_REDIS
 */
export function createLocks(db: Db, options: LocksOptions = {}): Locks {
  validateOptions('createLocks', options, locksOptionTable)
  if (options.backend !== undefined && typeof options.backend.open !== 'function')
    throw locksError('HF_LOCKS_REDIS', 'The `backend` is none; `redisBackend(client)` makes one of a client.')
  return new LocksOf(db, options)
}

class LocksOf implements Locks {
  readonly #backend: Backend
  readonly #options: LocksOptions
  readonly #session: Session
  readonly #short: ShortLocks
  readonly #scopes = new AsyncLocalStorage<Scope>()

  constructor(db: Db, options: LocksOptions) {
    this.#backend = options.backend?.open(db) ?? new PostgresBackend(db)
    this.#options = options
    const { name = `${hostname()}:${process.pid}`, logger = stderrLogger } = options
    this.#session = new Session(db, this.#backend, name, logger)
    this.#short = new ShortLocks(db)
  }

  async acquire(keys: string | readonly string[], options: AcquireOptions = noOptions): Promise<Lock> {
    if (options !== noOptions) validateOptions('acquire', options, acquireOptionTable)
    return await this.#acquire(readKeys(keys), options)
  }

  async tryAcquire(
    keys: string | readonly string[],
    options: Omit<AcquireOptions, 'waitMs'> = {},
  ): Promise<Lock | undefined> {
    validateOptions('tryAcquire', options, acquireOptionTable)
    options.signal?.throwIfAborted()
    return await this.#session.acquire(this.#want(readKeys(keys), options, false), 0, options.signal)
  }

  async run<T>(
    keys: string | readonly string[],
    body: (lock: Lock) => Promise<T>,
    options: RunOptions = {},
  ): Promise<T> {
    validateOptions('run', options, runLockOptionTable)
    const { reentrant = false, ...rest } = options
    const sorted = readKeys(keys)
    const outer = reentrant ? this.#findHolder(sorted, rest.mode ?? 'exclusive') : undefined
    if (outer) return await body(outer)
    const lock = await this.#acquire(sorted, rest)
    try {
      return await this.#scopes.run({ lock, outer: this.#scopes.getStore() }, async () => await body(lock))
    } finally {
      await lock.release()
    }
  }

  async short<T>(key: string, body: (tx: Tx) => Promise<T>, options: ShortOptions = noOptions): Promise<T> {
    if (options !== noOptions) validateOptions('short', options, shortOptionTable)
    checkKey(key)
    options.signal?.throwIfAborted()
    return await this.#short.run(key, body, options)
  }

  async overview(key?: string): Promise<LockEntry[]> {
    const rows = await this.#backend.list(key ?? null, MOST_SHOWN)
    return rows.map(({ asked_at, held_at, lease_ends_at, owner, ...row }) => ({
      ...row,
      owner: owner ?? '',
      askedAt: asked_at,
      heldAt: held_at,
      leaseEndsAt: lease_ends_at,
    }))
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  async #acquire(keys: readonly string[], options: AcquireOptions): Promise<HeldLock> {
    const { waitMs = this.#options.waitMs ?? locksDefaults.waitMs, signal } = options
    signal?.throwIfAborted()
    this.#refuseOwn(keys)
    const lock = await this.#session.acquire(this.#want(keys, options, true), waitMs, signal)
    return lock as HeldLock
  }

  #want(keys: readonly string[], options: AcquireOptions, waits: boolean) {
    const { mode = 'exclusive', ttlMs = this.#options.ttlMs ?? locksDefaults.ttlMs, label = null } = options
    const within = options.within ?? this.#scopes.getStore()?.lock
    const ticket = within instanceof HeldLock && within.isHeld ? within.ticket : null
    return { keys, mode, ttlMs, waits, within: ticket, label: label === null ? null : label.slice(0, 200) }
  }

  /** It would wait for itself. */
  #refuseOwn(keys: readonly string[]): void {
    for (let scope = this.#scopes.getStore(); scope !== undefined; scope = scope.outer) {
      const { lock } = scope
      if (!lock.isHeld || !keys.some((key) => lock.keys.includes(key))) continue
      throw locksError('HF_LOCKS_DEADLOCK', 'A scope asks for a key that it holds already, and would wait for itself.')
    }
  }

  #findHolder(keys: readonly string[], mode: 'exclusive' | 'shared'): HeldLock | undefined {
    for (let scope = this.#scopes.getStore(); scope !== undefined; scope = scope.outer) {
      const { lock } = scope
      const suffices = lock.isHeld && (lock.mode === 'exclusive' || mode === 'shared')
      if (suffices && keys.every((key) => lock.keys.includes(key))) return lock
    }
    return undefined
  }
}
