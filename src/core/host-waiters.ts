import type { HostAnswer } from './host-probe.js'

interface Waiter {
  resolve: (answer: HostAnswer) => void
  reject: (error: unknown) => void
  timer: NodeJS.Timeout
}

/** Those who wait for a host to be found, each for so long at most. */
export class HostWaiters {
  readonly #waiters = new Set<Waiter>()

  get size(): number {
    return this.#waiters.size
  }

  async wait(ms: number, describe: () => unknown): Promise<HostAnswer> {
    return await new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiters.delete(waiter)
        reject(describe())
      }
      const waiter: Waiter = { resolve, reject, timer: setTimeout(giveUp, ms) }
      this.#waiters.add(waiter)
    })
  }

  resolve(answer: HostAnswer): void {
    for (const waiter of this.#take()) waiter.resolve(answer)
  }

  reject(error: unknown): void {
    for (const waiter of this.#take()) waiter.reject(error)
  }

  #take(): Waiter[] {
    const taken = [...this.#waiters]
    this.#waiters.clear()
    for (const { timer } of taken) clearTimeout(timer)
    return taken
  }
}
