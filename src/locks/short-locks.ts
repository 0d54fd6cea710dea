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
  /** Of each key that is wanted here: those who wait for whoever is in front. */
  readonly #queues = new Map<string, (() => void)[]>()

  constructor(db: Db) {
    this.#db = db
  }

  async run<T>(key: string, body: (tx: Tx) => Promise<T>, options: ShortOptions): Promise<T> {
    const { ttlMs = locksDefaults.shortTtlMs, waitMs = locksDefaults.shortWaitMs, signal } = options
    const endsAt = performance.now() + waitMs
    const turn = this.#enter(key, waitMs, signal)
    if (turn !== undefined) await turn
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
      this.#leave(key)
    }
  }

  /** Undefined: nobody is in front. */
  #enter(key: string, waitMs: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    const queue = this.#queues.get(key)
    if (queue !== undefined) return this.#wait(key, queue, waitMs, signal)
    this.#queues.set(key, [])
    return undefined
  }

  async #wait(key: string, queue: (() => void)[], waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    let come!: () => void
    const turn = new Promise<void>((resolve) => queue.push((come = resolve)))
    try {
      await waitFor(turn, waitMs, signal)
    } catch (error) {
      const place = queue.indexOf(come)
      // Its turn came in the same moment: then it is handed on.
      if (place >= 0) queue.splice(place, 1)
      else this.#leave(key)
      throw error
    }
  }

  #leave(key: string): void {
    const next = this.#queues.get(key)?.shift()
    if (next === undefined) this.#queues.delete(key)
    else next()
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
