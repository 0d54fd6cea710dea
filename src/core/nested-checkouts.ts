import type { CallSite } from './call-site.js'
import { captureCallSite } from './call-site.js'
import { currentHeld } from './context.js'
import { coreError } from './error-table.js'
import type { HeldClient, Holders, NestedWait } from './holders.js'
import { ObservedPromise } from './observed-promise.js'
import type { Logger, NestedPolicy } from './types.js'

/** Pairs of lines remembered, so that each is reported once. */
const MOST_PAIRS = 200

/** Finds checkouts that are asked for from inside a transaction's callback, before they can hang a pool. */
export class NestedCheckouts {
  readonly #book: Holders
  readonly #policy: NestedPolicy
  readonly #logger: Logger
  readonly #reported = new Set<string>()

  constructor(book: Holders, policy: NestedPolicy, logger: Logger) {
    this.#book = book
    this.#policy = policy
    this.#logger = logger
  }

  get count(): number {
    return this.#reported.size
  }

  /** The transaction of this pool in whose callback the caller runs; undefined once it has ended. */
  findHeld(): HeldClient | undefined {
    const held = currentHeld()
    return held?.book === this.#book && this.#book.held.has(held) ? held : undefined
  }

  /**
   * Runs a call that needs a second client. Whether it is a fault shows only afterwards: when somebody awaited it and
   * the transaction stood still all the while, its callback was waiting for the pool.
   */
  watch<T>(held: HeldClient, below: (...args: never[]) => unknown, call: (wait: NestedWait) => Promise<T>): Promise<T> {
    const wait: NestedWait = { held, site: captureCallSite(below), isAwaited: false, giveUp: () => {} }
    if (this.#policy === 'throw') return Promise.reject(describeNested(held.site, wait.site))
    const progress = held.progress
    const result = call(wait)
    if (this.#policy === 'report') {
      const judge = () => {
        const stoodStill = held.progress === progress && !held.isBusy && held.outbound === 0
        if (wait.isAwaited && stoodStill && this.#book.held.has(held)) this.#report(held.site, wait.site)
      }
      result.then(judge, judge)
    }
    return ObservedPromise.observe(result, () => (wait.isAwaited = true))
  }

  #report(heldFrom: CallSite, asksAt: CallSite): void {
    const error = describeNested(heldFrom, asksAt)
    const pair = JSON.stringify(error.details)
    if (this.#reported.has(pair) || this.#reported.size >= MOST_PAIRS) return
    this.#reported.add(pair)
    this.#logger.warn({ code: error.code, fix: error.fix, ...error.details }, error.message)
  }
}

function describeNested(held: CallSite, asks: CallSite) {
  const [heldFrom, asksAt] = [held.describe(), asks.describe()]
  return coreError(
    'HF_POOL_NESTED_CHECKOUT',
    `A second connection was asked for at ${asksAt}, inside the transaction that began at ${heldFrom}.`,
    { fix: `Pass the transaction's tx to the call at ${asksAt}.`, details: { heldFrom, asksAt } },
  )
}
