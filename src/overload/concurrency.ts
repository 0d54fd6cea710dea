/** So many requests at least are looked at before the limit is changed. */
const WINDOW = 20
const WINDOW_MS = 50
/** Requests that wait for each other inside of the application may take so much longer than alone, */
const TOLERANCE = 1.5
/** or such a part of a deadline that was given: whoever has time may wait there as well as here. */
const PART_OF_DEADLINE = 0.5
/** One request that takes very long says nothing about the others. */
const MOST_OVER_ALONE = 5
/** Of what a request takes alone the last hundred or so are remembered. */
const MEMORY = 0.02
const FIRST_LIMIT = 20

/**
 * How many requests may be under way at once. It goes by what they take: while they take about as long as alone there is
 * room for more, and when they take half as long again they wait for each other somewhere (a pool, the event loop).
 *
 * What a request takes alone is learned from those during which no other one was under way. Under load there are none; if
 * the application has become slower meanwhile the limit falls until there is one at a time, and that one is alone.
 */
export class Concurrency {
  /** Of requests that were alone. 0: none yet. @unit ms */
  aloneMs = 0
  /** Of the last window. @unit ms */
  takesMs = 0
  #limit: number
  readonly #most: number
  readonly #leastMs: number
  #alone = 0
  #count = 0
  #sum = 0
  #squares = 0
  #wasReached = false
  #beganAt = 0

  constructor(most: number, deadlineMs = 0) {
    this.#most = most
    this.#leastMs = deadlineMs * PART_OF_DEADLINE
    this.#limit = Math.min(FIRST_LIMIT, most)
  }

  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** Somebody waits because of it. */
  reach(): void {
    this.#wasReached = true
  }

  record(tookMs: number, wasAlone: boolean, now: number): void {
    if (wasAlone) this.#learnAlone(tookMs)
    const mostMs = Math.max(this.aloneMs, this.#leastMs) * MOST_OVER_ALONE
    const ms = this.aloneMs === 0 ? tookMs : Math.min(tookMs, mostMs)
    this.#count++
    this.#sum += ms
    this.#squares += ms * ms
    if (this.#count >= WINDOW && now - this.#beganAt >= WINDOW_MS) this.#judge(now)
  }

  #learnAlone(ms: number): void {
    this.#alone++
    this.aloneMs += (ms - this.aloneMs) * Math.max(MEMORY, 1 / this.#alone)
  }

  #judge(now: number): void {
    const mean = this.#sum / this.#count
    const variance = Math.max(0, this.#squares / this.#count - mean * mean)
    this.takesMs = mean
    // Only what cannot be chance: with few requests, some of which take long, the mean jumps about.
    const least = mean - 2 * Math.sqrt(variance / this.#count)
    const toleratedMs = Math.max(this.aloneMs * TOLERANCE, this.#leastMs)
    if (this.aloneMs > 0 && least > toleratedMs) this.#shrink(toleratedMs / mean)
    else this.#growIfReached()
    this.#count = this.#sum = this.#squares = 0
    this.#wasReached = false
    this.#beganAt = now
  }

  #shrink(factor: number): void {
    this.#limit = Math.max(1, this.#limit * Math.max(0.5, factor))
  }

  #growIfReached(): void {
    if (this.#wasReached) this.#limit = Math.min(this.#most, this.#limit + Math.max(0.5, this.#limit / 10))
  }
}
