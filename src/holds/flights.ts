/** Records of one flight at most: a statement that locks a row for long keeps all buyers waiting. */
const MOST = 500

interface Waiting<Record, Result> {
  record: Record
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

interface Group<Record, Result> {
  waiting: Waiting<Record, Result>[]
  isFlying: boolean
}

/**
 * Joins what a process asks for at the same time into one statement a group: many buyers of one row pay for one lock and
 * one commit, and none waits for the others' turns. Nobody waits for company: a lone one leaves at the end of this turn of
 * the loop, and what comes while it is under way makes up the next flight.
 */
export class Flights<Record, Result> {
  readonly #groups = new Map<string, Group<Record, Result>>()
  readonly #fly: (group: string, records: readonly Record[]) => Promise<readonly Result[]>

  constructor(fly: (group: string, records: readonly Record[]) => Promise<readonly Result[]>) {
    this.#fly = fly
  }

  async join(name: string, record: Record): Promise<Result> {
    return await new Promise((resolve, reject) => {
      let group = this.#groups.get(name)
      if (group === undefined) this.#groups.set(name, (group = { waiting: [], isFlying: false }))
      group.waiting.push({ record, resolve, reject })
      if (!group.isFlying) this.#leave(name, group)
    })
  }

  #leave(name: string, group: Group<Record, Result>): void {
    group.isFlying = true
    setImmediate(() => {
      const flight = group.waiting.splice(0, MOST)
      void this.#carry(name, flight).then(() => {
        if (group.waiting.length > 0) return this.#leave(name, group)
        this.#groups.delete(name)
      })
    })
  }

  async #carry(name: string, flight: readonly Waiting<Record, Result>[]): Promise<void> {
    try {
      const results = await this.#fly(
        name,
        flight.map(({ record }) => record),
      )
      for (const [n, { resolve }] of flight.entries()) resolve(results[n] as Result)
    } catch (error) {
      for (const { reject } of flight) reject(error)
    }
  }
}
