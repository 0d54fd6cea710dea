/** Statements of one process in flight at once; what is sent meanwhile shares the next one. */
const MOST_IN_FLIGHT = 1
const MOST_PER_STATEMENT = 1_000
const MOST_BYTES_PER_STATEMENT = 4_000_000

/** What is sent: at least its body, whose length counts. */
interface Sendable {
  body: string
}

interface Waiting<Record extends Sendable, Result> {
  record: Record
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/** Writes records, one statement for all, and gives a result for each. */
type Write<Record, Result> = (group: number, records: readonly Record[]) => Promise<readonly Result[]>

/**
 * Joins what a process sends at the same time into one statement: callers share its commit, which is nearly all that a
 * lone insert costs. Nobody waits for company: what a turn of the loop sends leaves at its end, the next ones when that
 * is back. Records of different groups are in different statements.
 */
export class Sender<Record extends Sendable, Result> {
  readonly #write: Write<Record, Result>
  readonly #groups = new Map<number, Waiting<Record, Result>[]>()
  #inFlight = 0
  #isFlushing = false

  constructor(write: Write<Record, Result>) {
    this.#write = write
  }

  async send(group: number, record: Record): Promise<Result> {
    return await new Promise((resolve, reject) => {
      const waiting = this.#groups.get(group)
      if (waiting) waiting.push({ record, resolve, reject })
      else this.#groups.set(group, [{ record, resolve, reject }])
      this.#flushSoon()
    })
  }

  /** At the end of this turn of the loop: callers that were answered together send again together. */
  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#inFlight < MOST_IN_FLIGHT) {
      const next = this.#groups.entries().next()
      if (next.done) return
      const [group, waiting] = next.value
      // To the end of the line: no group may keep the others waiting.
      this.#groups.delete(group)
      const batch = takeBatch(waiting)
      if (waiting.length > 0) this.#groups.set(group, waiting)
      this.#inFlight++
      void this.#sendBatch(group, batch).finally(() => {
        this.#inFlight--
        this.#flushSoon()
      })
    }
  }

  async #sendBatch(group: number, batch: readonly Waiting<Record, Result>[]): Promise<void> {
    try {
      const results = await this.#write(
        group,
        batch.map(({ record }) => record),
      )
      for (let n = 0; n < batch.length; n++) (batch[n] as Waiting<Record, Result>).resolve(results[n] as Result)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}

function takeBatch<Entry extends { record: Sendable }>(waiting: Entry[]): Entry[] {
  let bytes = 0
  let amount = 0
  while (amount < Math.min(waiting.length, MOST_PER_STATEMENT) && bytes < MOST_BYTES_PER_STATEMENT)
    bytes += (waiting[amount++] as Entry).record.body.length
  return waiting.splice(0, amount)
}
