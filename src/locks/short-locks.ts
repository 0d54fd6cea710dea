import { readSqlstate, type Db, type Tx } from '../core/index.js'
import { locksError } from './errors.js'
import { locksDefaults } from './options.js'
import { takeShort } from './store.js'
import type { ShortOptions } from './types.js'

const LOCK_TIMEOUT = '55P03'

/**
 * Locks that are a transaction's. Of a process one connection at most waits for a key: the others queue here, so that a hot
 * key does not empty the pool.
 */
export class ShortLocks {
  readonly #db: Db
  readonly #tails = new Map<string, Promise<void>>()

  constructor(db: Db) {
    this.#db = db
  }

  async run<T>(key: string, body: (tx: Tx) => Promise<T>, options: ShortOptions): Promise<T> {
    const { ttlMs = locksDefaults.shortTtlMs, waitMs = locksDefaults.shortWaitMs, signal } = options
    const endsAt = performance.now() + waitMs
    const leave = await this.#enter(key, waitMs, signal)
    try {
      const leftMs = Math.max(1, Math.round(endsAt - performance.now()))
      return await this.#db.tx(
        async (tx) => {
          await takeShort(tx, key, ttlMs, leftMs)
          return await body(tx)
        },
        { ...(signal && { signal }) },
      )
    } catch (error) {
      if (readSqlstate(error) === LOCK_TIMEOUT) throw describeTimeout(waitMs, error)
      throw error
    } finally {
      leave()
    }
  }

  async #enter(key: string, waitMs: number, signal: AbortSignal | undefined): Promise<() => void> {
    const before = this.#tails.get(key)
    let leave!: () => void
    const mine = new Promise<void>((resolve) => (leave = resolve))
    const tail = before === undefined ? mine : before.then(() => mine)
    this.#tails.set(key, tail)
    void tail.then(() => this.#tails.get(key) === tail && this.#tails.delete(key))
    if (before === undefined) return leave
    try {
      await waitFor(before, waitMs, signal)
      return leave
    } catch (error) {
      leave()
      throw error
    }
  }
}

async function waitFor(turn: Promise<void>, ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let onAbort!: () => void
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(describeTimeout(ms)), ms)
      onAbort = () => reject(signal?.reason as Error)
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted) onAbort()
      void turn.then(resolve)
    })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

function describeTimeout(waitMs: number, cause?: unknown) {
  return locksError('HF_LOCKS_TIMEOUT', `The lock was not had within ${waitMs} ms.`, { cause, details: { waitMs } })
}
