interface Waiting<Record, Result> {
  record: Record
  weight: number
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/** Joins what a process asks for at the same time into one statement after the other, each of a bounded weight. */
export class Flights<Record, Result> {
  readonly #most: number
  readonly #weigh: (record: Record) => number
  readonly #fly: (records: readonly Record[]) => Promise<readonly Result[]>
  #waiting: Waiting<Record, Result>[] = []
  #isFlying = false

  constructor(
    most: number,
    weigh: (record: Record) => number,
    fly: (records: readonly Record[]) => Promise<readonly Result[]>,
  ) {
    this.#most = most
    this.#weigh = weigh
    this.#fly = fly
  }

  async join(record: Record): Promise<Result> {
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ record, weight: this.#weigh(record), resolve, reject })
      if (!this.#isFlying) this.#leave()
    })
  }

  #leave(): void {
    this.#isFlying = true
    // All that is asked for without waiting in between; what comes later in this turn of the loop is the next flight.
    process.nextTick(() => {
      void this.#carry(this.#takeFlight()).then(() => {
        if (this.#waiting.length > 0) this.#leave()
        else this.#isFlying = false
      })
    })
  }

  #takeFlight(): Waiting<Record, Result>[] {
    let [amount, weight] = [0, 0]
    while (amount < this.#waiting.length && (amount === 0 || weight < this.#most))
      weight += (this.#waiting[amount++] as Waiting<Record, Result>).weight
    return this.#waiting.splice(0, amount)
  }

  async #carry(flight: readonly Waiting<Record, Result>[]): Promise<void> {
    try {
      const results = await this.#fly(flight.map(({ record }) => record))
      for (const [n, { resolve }] of flight.entries()) resolve(results[n] as Result)
    } catch (error) {
      for (const { reject } of flight) reject(error)
    }
  }
}
