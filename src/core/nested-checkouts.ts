import type { CallSite } from './call-site.js'
import { captureCallSite } from './call-site.js'
import { coreError } from './error-table.js'
import type { HoldfastError } from './errors.js'
import type { HeldClient, Holders, NestedWait } from './holders.js'
import { ObservedPromise } from './observed-promise.js'
import type { CoreFinding, Logger, NestedPolicy } from './types.js'

/** Findings remembered, so that each pair of lines is reported once. */
const MOST_FINDINGS = 100

/** Finds checkouts that are asked for from inside a transaction's callback, before they can hang a pool. */
export class NestedCheckouts {
  readonly #book: Holders
  readonly #policy: NestedPolicy
  readonly #logger: Logger
  readonly #findings = new Map<string, CoreFinding>()
  #count = 0

  constructor(book: Holders, policy: NestedPolicy, logger: Logger) {
    this.#book = book
    this.#policy = policy
    this.#logger = logger
  }

  get findings(): readonly CoreFinding[] {
    return [...this.#findings.values()]
  }

  /** A deadlock was broken: remembered each time, told to the logger once per pair of lines. */
  recordDeadlock(error: HoldfastError): void {
    this.#reportOnce(`deadlock ${JSON.stringify(error.details)}`, error)
  }

  /** Pairs of lines found so far. */
  get count(): number {
    return this.#count
  }

  /** The transaction in whose callback the caller runs, if it is of this pool; undefined once it has ended. */
  findHeld(held: HeldClient | undefined): HeldClient | undefined {
    return held?.book === this.#book && this.#book.held.has(held) ? held : undefined
  }

  /**
   * Runs a call that needs a second client. Whether it is a fault shows only afterwards: when somebody awaited it and
   * the transaction stood still all the while, its callback was waiting for the pool.
   */
  watch<T>(held: HeldClient, call: (wait: NestedWait) => Promise<T>): Promise<T> {
    const wait: NestedWait = { held, site: captureCallSite(), isAwaited: false, giveUp: () => {} }
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

  /** A transaction that stands idle holds its locks and its connection for work that is not the database's. */
  reportIdle({ site, outbound }: HeldClient, idleMs: number): void {
    const heldFrom = site.describe()
    const waitsFor = outbound > 0 ? 'for an HTTP answer' : 'for something else than the database'
    const message = `The transaction begun at ${heldFrom} has stood idle for ${Math.round(idleMs)} ms, waiting ${waitsFor}.`
    const details = { heldFrom, idleMs: Math.round(idleMs), outbound }
    this.#reportOnce(`idle ${heldFrom}`, coreError('HF_TX_IDLE', message, { details }))
  }

  #report(heldFrom: CallSite, asksAt: CallSite): void {
    const error = describeNested(heldFrom, asksAt)
    if (this.#reportOnce(JSON.stringify(error.details), error)) this.#count++
  }

  /** True the first time for this key. */
  #reportOnce(key: string, { code, message, fix, details }: HoldfastError): boolean {
    const known = this.#findings.get(key)
    if (known !== undefined) {
      known.count++
      known.lastAt = Date.now()
      return false
    }
    if (this.#findings.size >= MOST_FINDINGS) return false
    this.#findings.set(key, { code, message, fix, count: 1, lastAt: Date.now() })
    this.#logger.warn({ code, fix, ...details }, message)
    return true
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
