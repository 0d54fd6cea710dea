import type { CallSite } from './call-site.js'
import { coreError } from './error-table.js'
import type { HoldfastError } from './errors.js'

/** How long all holders must have stood still before a pool counts as deadlocked. */
const STANDSTILL_MS = 50
const LOOK_MS = 25
/** An open transaction that does nothing for this long holds locks and a connection for somebody else's work. */
const IDLE_MS = 250
const TIMER_SLACK_MS = 5

/** A client in the hands of a transaction's callback. */
export interface HeldClient {
  /** The pool's own book; a nested checkout of another pool is none of its business. */
  readonly book: Holders
  /** The transaction around this one, when it was asked for inside of one. */
  readonly outer: HeldClient | undefined
  /** The line that began the transaction. */
  readonly site: CallSite
  readonly since: number
  /** Rises with every statement sent or ended, so that standing still can be seen. */
  progress: number
  /** A statement is in flight. */
  isBusy: boolean
  /** `performance.now()` when the last statement ended. */
  idleSince: number
  /** HTTP requests that the callback's scope has in flight: they end without the pool's help. */
  outbound: number
  /** Already reported as idle in transaction. */
  isReported: boolean
}

/** A checkout asked for from inside a transaction's callback, that has not been served yet. */
export interface NestedWait {
  readonly held: HeldClient
  readonly site: CallSite
  /** Somebody awaits its result. Work that nobody waits for (fire and forget) blocks nobody. */
  isAwaited: boolean
  giveUp: (error: unknown) => void
}

/**
 * Which transactions hold the pool's clients, and which of them wait for another one of the same pool.
 *
 * The rule: the pool is deadlocked exactly when every one of its clients is held by a transaction that has no statement
 * in flight, is awaiting no HTTP answer, and waits (itself or through a transaction inside it) for a client of this pool,
 * with nothing moving for 50 ms. Clients still being opened, clients taken by hand, and callers outside of any
 * transaction make the count fall short, so none of them can raise a false alarm.
 */
export class Holders {
  readonly #held = new Set<HeldClient>()
  readonly #waits = new Set<NestedWait>()
  readonly #readMax: () => number
  #timer: NodeJS.Timeout | undefined
  #suspect: { key: string; since: number } | undefined
  #idleTimer: NodeJS.Timeout | undefined
  deadlocks = 0
  /** Told of each deadlock that was broken. */
  onDeadlock: (error: HoldfastError) => void = () => {}
  idleTransactions = 0

  constructor(readMax: () => number) {
    this.#readMax = readMax
  }

  get held(): ReadonlySet<HeldClient> {
    return this.#held
  }

  hold(site: CallSite, outer: HeldClient | undefined): HeldClient {
    const held: HeldClient = {
      book: this,
      outer: outer?.book === this ? outer : undefined,
      site,
      since: performance.now(),
      progress: 0,
      isBusy: false,
      idleSince: performance.now(),
      outbound: 0,
      isReported: false,
    }
    this.#held.add(held)
    return held
  }

  drop(held: HeldClient): void {
    this.#held.delete(held)
  }

  /** Who holds clients and since when, oldest first, at most ten. */
  describe(): { site: string; heldMs: number; busy: boolean }[] {
    const now = performance.now()
    const oldest = [...this.#held].slice(0, 10)
    return oldest.map(({ site, since, isBusy }) => ({
      site: site.describe(),
      heldMs: Math.round(now - since),
      busy: isBusy,
    }))
  }

  /** Tells of each transaction that stands idle for longer than 250 ms, once. */
  watchIdle(report: (held: HeldClient, idleMs: number) => void): void {
    let lookedAt = performance.now()
    this.#idleTimer = setInterval(() => {
      const now = performance.now()
      this.#forgive(now - lookedAt - IDLE_MS / 2)
      lookedAt = now
      for (const held of this.#held) {
        if (held.isBusy || held.isReported || now - held.idleSince < IDLE_MS) continue
        held.isReported = true
        this.idleTransactions++
        report(held, now - held.idleSince)
      }
    }, IDLE_MS / 2).unref()
  }

  /** A process that was stopped, or whose loop was blocked, stood still itself: no callback is to blame for that time. */
  #forgive(lateMs: number): void {
    if (lateMs > TIMER_SLACK_MS) for (const held of this.#held) held.idleSince += lateMs
  }

  close(): void {
    clearInterval(this.#idleTimer)
    clearInterval(this.#timer)
  }

  /** Watches a nested wait until `leave`. */
  enter(wait: NestedWait): void {
    this.#waits.add(wait)
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
  }

  leave(wait: NestedWait): void {
    this.#waits.delete(wait)
    if (this.#waits.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#suspect = undefined
  }

  #look(): void {
    const stuck = this.#findStuck()
    if (stuck.size < this.#readMax()) {
      this.#suspect = undefined
      return
    }
    const key = [...stuck].map(({ since, progress }) => `${since}:${progress}`).join()
    if (this.#suspect?.key !== key) {
      this.#suspect = { key, since: performance.now() }
      return
    }
    if (performance.now() - this.#suspect.since >= STANDSTILL_MS - TIMER_SLACK_MS) this.#breakDeadlock()
  }

  /** Holders that cannot go on before the pool gives them another client. */
  #findStuck(): Set<HeldClient> {
    const stuck = new Set<HeldClient>()
    for (const { held, isAwaited } of this.#waits) {
      if (!isAwaited) continue
      for (let each: HeldClient | undefined = held; each !== undefined; each = each.outer) {
        if (!each.isBusy && each.outbound === 0) stuck.add(each)
      }
    }
    return stuck
  }

  /** Ends the youngest wait: its transaction rolls back, its client serves the others one after the other. */
  #breakDeadlock(): void {
    const victim = [...this.#waits].findLast(({ isAwaited }) => isAwaited)
    if (victim === undefined) return
    this.#suspect = undefined
    this.deadlocks++
    const error = describeDeadlock(victim, this.#readMax())
    this.onDeadlock(error)
    victim.giveUp(error)
  }
}

function describeDeadlock({ held, site }: NestedWait, max: number) {
  const [heldFrom, asksAt] = [held.site.describe(), site.describe()]
  return coreError(
    'HF_POOL_DEADLOCK',
    `All ${max} connections are held by transactions that wait for another one. This one holds a connection since ` +
      `${heldFrom} and asks for a second at ${asksAt}.`,
    { fix: `Pass the transaction's tx to the call at ${asksAt}.`, details: { heldFrom, asksAt, max } },
  )
}
