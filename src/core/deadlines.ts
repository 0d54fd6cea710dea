/** How late a deadline of a second or more may be noticed. */
const TICK_MS = 100
const SHORT_MS = 1_000

/** What ends when its time is over. */
export interface Expirable {
  expire(): void
}

/** A deadline in force; to be given back to `disarm` when the work ended in time. */
export interface Deadline {
  endsAt: number
  target: Expirable
  /** Its place among the active ones. */
  index: number
  /** Short deadlines have an exact timer. */
  timer: NodeJS.Timeout | undefined
}

/**
 * Deadlines of everything in flight. Nearly all work ends long before its deadline, and a timer of its own for each
 * statement was a tenth of a transaction's CPU: long deadlines share one ticking timer, short ones keep an exact timer.
 * The records are used again and again: a Set of fresh ones cost more in garbage collection than the timers did.
 */
export class Deadlines {
  readonly #active: Deadline[] = []
  readonly #free: Deadline[] = []
  #ticker: NodeJS.Timeout | undefined

  /** Expires `target` once `ms` have passed since `now`, unless disarmed before. 0 and Infinity: never. */
  arm(ms: number, now: number, target: Expirable): Deadline | undefined {
    if (ms === 0 || ms === Infinity) return undefined
    const deadline = this.#free.pop() ?? { endsAt: 0, target, index: 0, timer: undefined }
    deadline.endsAt = now + ms
    deadline.target = target
    deadline.index = this.#active.push(deadline) - 1
    if (ms < SHORT_MS) deadline.timer = setTimeout(() => this.#expire(deadline), ms)
    // Kept once started: starting and stopping it with every statement would cost what it saves.
    else this.#ticker ??= setInterval(() => this.#tick(), TICK_MS).unref()
    return deadline
  }

  disarm(deadline: Deadline | undefined): void {
    if (deadline === undefined || this.#active[deadline.index] !== deadline) return
    const last = this.#active.pop() as Deadline
    if (last !== deadline) {
      this.#active[deadline.index] = last
      last.index = deadline.index
    }
    if (deadline.timer !== undefined) {
      clearTimeout(deadline.timer)
      deadline.timer = undefined
    }
    deadline.target = nothing
    this.#free.push(deadline)
  }

  #tick(): void {
    const now = performance.now()
    for (const deadline of this.#active.filter(({ endsAt }) => endsAt <= now)) this.#expire(deadline)
  }

  /** Fires once; the record stays with its owner, who will disarm it. */
  #expire(deadline: Deadline): void {
    deadline.endsAt = Infinity
    deadline.target.expire()
  }

  close(): void {
    clearInterval(this.#ticker)
    this.#ticker = undefined
  }
}

/** What a record at rest points to, so that it keeps no finished work alive. */
const nothing: Expirable = { expire: () => {} }
