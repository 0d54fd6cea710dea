/** A worker holds as many jobs as it finishes in about this time: more would wait here while others are idle. */
const HORIZON_MS = 200
const MOST = 1_000
/** A speed measured over a millisecond or two is a guess. */
const MOST_GROWTH = 4

/** How many jobs to claim at once. Few until a worker has shown how fast it is, and again after it had nothing to do. */
export class ClaimSize {
  readonly #least: number
  #value: number
  #finished = 0
  #at = 0

  /** @param atOnce jobs that may run at once */
  constructor(atOnce: number) {
    this.#least = Math.min(MOST, atOnce * 2)
    this.#value = this.#least
  }

  get value(): number {
    return this.#value
  }

  /** It finishes what it claims so fast that the next ones should be on their way already. */
  get isFast(): boolean {
    return this.#value > this.#least
  }

  countFinished(amount: number): void {
    this.#finished += amount
  }

  /** A claim came back. */
  note(wasFull: boolean, now: number): void {
    const speed = this.#finished / (now - this.#at)
    const most = Math.min(MOST, this.#value * MOST_GROWTH)
    this.#value = wasFull ? Math.round(Math.min(most, Math.max(this.#least, speed * HORIZON_MS))) : this.#least
    this.#finished = 0
    this.#at = now
  }
}
