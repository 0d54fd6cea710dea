import type { Pool, PoolClient } from 'pg'
import { describeConnectError, type Target } from './connect-errors.js'
import { destroySocket, isBroken, watchClient } from './driver.js'
import { coreError } from './error-table.js'
import { isHoldfastError, type HoldfastError } from './errors.js'
import { Histogram } from './histogram.js'
import { Holders, type NestedWait } from './holders.js'
import type { HostRouter } from './host-router.js'
import { runAsOwn } from './own-call.js'
import { readSqlstate, sqlstate } from './sqlstate.js'
import type { PoolStats } from './types.js'

export type AcquireDone = (error: unknown, client?: PoolClient, waitedMs?: number) => void

export interface AcquireRequest {
  waitMs: number
  signal: AbortSignal | undefined
  /** Set when it is asked for from inside a transaction of this pool. */
  nested?: NestedWait | undefined
}

/** Hands out connections with a deadline on every wait, and counts the waiting apart from the work. */
export class PoolGuard {
  readonly acquired = new Histogram()
  readonly holders: Holders
  readonly pool: Pool
  readonly #target: Target
  readonly #router: HostRouter | undefined
  #waiting = 0
  #timeouts = 0
  #isClosing = false

  constructor(pool: Pool, target: Target, router?: HostRouter) {
    this.pool = pool
    this.#router = router
    this.#target = target
    this.holders = new Holders(() => pool.options.max)
    // A connection that breaks while idle is dropped by the pool; without a listener the event would end the process.
    pool.on('error', () => {})
  }

  /** Calls back with a client or a typed error, once, within `waitMs`. */
  acquire(request: AcquireRequest, done: AcquireDone): void {
    const { pool } = this
    const { signal } = request
    if (pool.ending || this.#isClosing)
      return done(coreError('HF_POOL_CLOSED', 'The pool has been closed; the statement was not sent.'))
    if (signal?.aborted) return done(describeAbort(signal))
    // An idle connection is handed over in the same turn of the loop: no timer is worth its cost.
    if (signal === undefined && pool.idleCount > pool.waitingCount) {
      return this.#connect((error, client) => {
        if (!error) return this.#deliver(0, client, done)
        // The idle one was gone and the new one met a host that is: waiting may help.
        if (this.#mayRetry(error)) return this.#wait(request, done)
        done(this.#describe(error))
      })
    }
    this.#wait(request, done)
  }

  #wait({ waitMs, signal, nested }: AcquireRequest, done: AcquireDone): void {
    const asked = performance.now()
    let gaveUp = false
    let refusal: HoldfastError | undefined
    this.#waiting++
    if (nested) this.holders.enter(nested)
    const end = () => {
      this.#waiting--
      if (nested) this.holders.leave(nested)
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const giveUp = (error: unknown) => {
      if (gaveUp) return
      gaveUp = true
      this.acquired.record(performance.now() - asked)
      end()
      done(error)
    }
    const timer = setTimeout(() => {
      this.#timeouts++
      giveUp(this.#describeTimeout(waitMs, refusal))
    }, waitMs)
    const onAbort = () => giveUp(describeAbort(signal as AbortSignal))
    signal?.addEventListener('abort', onAbort, { once: true })
    if (nested) nested.giveUp = giveUp

    const attempt = () =>
      this.#connect((error, client) => {
        // The pool cannot be told that nobody waits any more; the connection goes straight back.
        if (gaveUp) return client ? this.release(client) : undefined
        // The router paces this: the next client waits until it knows a host again.
        if (error && this.#mayRetry(error)) {
          refusal = error
          return attempt()
        }
        if (error) return giveUp(this.#describe(error))
        end()
        this.#deliver(performance.now() - asked, client, done)
      })
    attempt()
  }

  #connect(done: (error: Error | undefined, client: PoolClient | undefined) => void): void {
    runAsOwn(() => this.pool.connect(done))
  }

  #deliver(waitedMs: number, client: PoolClient | undefined, done: AcquireDone): void {
    watchClient(client as PoolClient)
    this.acquired.record(waitedMs)
    done(undefined, client, waitedMs)
  }

  /** Whether a client could not be made for a reason that another host, or the same one a moment later, may cure. */
  #mayRetry(error: unknown): error is HoldfastError {
    if (this.#router === undefined || !isHoldfastError(error)) return false
    return error.code.startsWith('HF_HOSTS_') || (error.retryable && error.code.startsWith('HF_CONNECT_'))
  }

  /**
   * Looks at what a statement failed with. A primary that refuses writes is none any more; its client is destroyed,
   * which makes the router ask all hosts. Without `hosts` it does nothing.
   */
  inspectFailure(client: PoolClient, error: unknown): void {
    if (this.#router?.role !== 'primary') return
    const cause = error instanceof Error ? error.cause : undefined
    const code = readSqlstate(error) ?? readSqlstate(cause)
    if (code === sqlstate.readOnlyTransaction) destroySocket(client)
  }

  /** Gives a client back; a broken one is closed instead. */
  release(client: PoolClient): void {
    if (!isBroken(client)) return client.release()
    // pg waits for an orderly end before it serves the next waiter; on a half-open socket that never comes.
    destroySocket(client)
    client.release(true)
  }

  /** From now on calls are refused; those that wait already are still served. */
  refuseNew(): void {
    this.#isClosing = true
  }

  stats(): Omit<PoolStats, 'nestedCheckouts'> {
    const { totalCount: total, idleCount: idle } = this.pool
    const { max } = this.pool.options
    const { deadlocks, idleTransactions } = this.holders
    const [waiting, timeouts] = [this.#waiting, this.#timeouts]
    return { max, total, idle, busy: total - idle, waiting, timeouts, deadlocks, idleTransactions }
  }

  #describe(error: unknown): unknown {
    if (error instanceof Error && error.message.startsWith('Cannot use a pool after')) {
      return coreError('HF_POOL_CLOSED', 'The pool has been closed; the statement was not sent.', { cause: error })
    }
    return describeConnectError(error, this.#target)
  }

  #describeTimeout(waitMs: number, refusal: HoldfastError | undefined) {
    if (this.#router && !this.#router.current) return this.#router.describeNone()
    // The host is there and still no client could be made (no connection left, above all): that is the news.
    if (refusal?.code.startsWith('HF_CONNECT_')) return refusal
    const { max, busy, waiting } = this.stats()
    const holders = this.holders.describe()
    const longest = holders[0] ? ` Held longest: ${holders[0].heldMs} ms, by ${holders[0].site}.` : ''
    return coreError(
      'HF_POOL_TIMEOUT',
      `No connection became free within ${waitMs} ms: ${busy} of ${max} in use, ${waiting} callers waiting.${longest}`,
      { details: { waitMs, busy, max, waiting, holders } },
    )
  }
}

function describeAbort(signal: AbortSignal) {
  return coreError('HF_QUERY_ABORTED', 'The caller aborted while waiting for a connection; nothing was sent.', {
    cause: signal.reason,
  })
}
