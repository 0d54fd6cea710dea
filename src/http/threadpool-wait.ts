import { stat } from 'node:fs'
import { performance } from 'node:perf_hooks'

/** What a call of a file waits for one of libuv's threads: an idle pool answers within a tenth of a millisecond. */
export class ThreadpoolWait {
  #askedAt = 0
  #isAsking = false
  #mostMs = 0

  /** One at a time: a pool that is full is not filled further. */
  look(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    this.#askedAt = performance.now()
    stat('.', () => {
      this.#note()
      this.#isAsking = false
    })
  }

  #note(): void {
    if (this.#isAsking) this.#mostMs = Math.max(this.#mostMs, performance.now() - this.#askedAt)
  }

  /** The longest since the last time, one that still waits included. */
  take(): number {
    this.#note()
    const mostMs = this.#mostMs
    this.#mostMs = 0
    return mostMs
  }
}
