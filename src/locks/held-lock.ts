import { readSqlstate, type Db, type HoldfastError, type Tx, type TxOptions } from '../core/index.js'
import { locksError } from './errors.js'
import type { Guarded } from './backend.js'
import type { Lock, LockMode } from './types.js'

/** Of the lease, what is kept back: the database's clock and ours run from different instants, and aborting takes time. */
const MARGIN = 0.1
const STALE = 'HF022'
const REQUIRED = 'HF023'

export interface HeldParts {
  db: Db
  /** @throws SQLSTATE HF022 */
  guard: (tx: Tx, lock: Guarded) => Promise<void>
  ticket: string
  fence: bigint
  keys: readonly string[]
  mode: LockMode
  ttlMs: number
  /** `performance.now()` from before the last sign of life that the database has. */
  seenAt: number
  onEnd: (lock: HeldLock) => void
  release: (ticket: string) => Promise<void>
}

/** A lock in this process's hands. Its lease is watched by a clock of its own: nobody else can tell a process that is stopped. */
export class HeldLock implements Lock {
  readonly #parts: HeldParts
  /** Made for whoever looks at it: a lock of a moment is over before anybody does. */
  #controller: AbortController | undefined
  #reason: HoldfastError | undefined
  #timer: NodeJS.Timeout | undefined
  #seenAt: number
  #isHeld = true
  #releasing: Promise<void> | undefined

  constructor(parts: HeldParts) {
    this.#parts = parts
    this.#seenAt = parts.seenAt
    this.#watch()
  }

  get ticket(): string {
    return this.#parts.ticket
  }

  get keys(): readonly string[] {
    return this.#parts.keys
  }

  get mode(): LockMode {
    return this.#parts.mode
  }

  get fence(): bigint {
    return this.#parts.fence
  }

  get ttlMs(): number {
    return this.#parts.ttlMs
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  get isHeld(): boolean {
    // A loop that was blocked may ask before its timer could tell.
    if (this.#isHeld && performance.now() >= this.#endsAt) this.lose()
    return this.#isHeld
  }

  get #endsAt(): number {
    return this.#seenAt + this.#parts.ttlMs * (1 - MARGIN)
  }

  /** The database heard of this process after that instant. */
  extend(seenAt: number): void {
    this.#seenAt = Math.max(this.#seenAt, seenAt)
  }

  lose(reason: HoldfastError = describeLost(this.#parts.ttlMs)): void {
    if (!this.#isHeld) return
    this.#end()
    this.#reason = reason
    this.#controller?.abort(reason)
    // Where nobody has taken it yet nobody should have to wait for its end.
    this.#releasing = this.#parts.release(this.ticket).catch(() => {})
  }

  async guard(tx: Tx): Promise<void> {
    try {
      await this.#parts.guard(tx, this)
    } catch (error) {
      if (readSqlstate(error) !== STALE) throw error
      this.lose()
      throw locksError('HF_LOCKS_STALE', 'The lock was lost before this write; nothing was written.', { cause: error })
    }
  }

  async fenced<T>(body: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T> {
    try {
      return await this.#parts.db.tx(async (tx) => {
        await this.guard(tx)
        return await body(tx)
      }, options)
    } catch (error) {
      if (readSqlstate(error) !== REQUIRED) throw error
      throw locksError('HF_LOCKS_REQUIRED', `Refused: ${(error as Error).message}.`, { cause: error })
    }
  }

  async release(): Promise<void> {
    if (this.#isHeld) {
      this.#end()
      this.#releasing = this.#parts.release(this.ticket)
    }
    await this.#releasing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  #end(): void {
    this.#isHeld = false
    clearTimeout(this.#timer)
    this.#parts.onEnd(this)
  }

  /** Heartbeats move the end; the timer finds out when it gets there. */
  #watch(): void {
    const leftMs = this.#endsAt - performance.now()
    if (leftMs <= 0) return this.lose()
    this.#timer = setTimeout(() => this.#watch(), leftMs)
  }
}

function describeLost(ttlMs: number) {
  return locksError('HF_LOCKS_LOST', `The database heard nothing of this process for nearly ${ttlMs} ms.`, {
    details: { ttlMs },
  })
}
