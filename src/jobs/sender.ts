import type { Db } from '../core/index.js'
import { RECORD, sendPlain } from './store.js'

/** Statements of one process in flight at once; what is sent meanwhile shares the next one. */
const MOST_IN_FLIGHT = 1
const MOST_PER_STATEMENT = 1_000
const MOST_BYTES_PER_STATEMENT = 4_000_000

interface Waiting {
  body: string
  resolve: (id: string) => void
  reject: (error: unknown) => void
}

/**
 * Joins what a process sends at the same time into one statement: callers share its commit, which is nearly all that a
 * lone insert costs. Nobody waits for company: what a turn of the loop sends leaves at its end, the next ones when that
 * is back.
 */
export class Sender {
  readonly #db: Db
  readonly #onSent: (lane: number, amount: number) => void
  readonly #lanes = new Map<number, Waiting[]>()
  #inFlight = 0
  #isFlushing = false

  constructor(db: Db, onSent: (lane: number, amount: number) => void) {
    this.#db = db
    this.#onSent = onSent
  }

  async send(lane: number, body: string): Promise<string> {
    return await new Promise((resolve, reject) => {
      const waiting = this.#lanes.get(lane)
      if (waiting) waiting.push({ body, resolve, reject })
      else this.#lanes.set(lane, [{ body, resolve, reject }])
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
      const next = this.#lanes.entries().next()
      if (next.done) return
      const [lane, waiting] = next.value
      // To the end of the line: no lane may keep the others waiting.
      this.#lanes.delete(lane)
      const batch = takeBatch(waiting)
      if (waiting.length > 0) this.#lanes.set(lane, waiting)
      this.#inFlight++
      void this.#sendBatch(lane, batch).finally(() => {
        this.#inFlight--
        this.#flushSoon()
      })
    }
  }

  async #sendBatch(lane: number, batch: readonly Waiting[]): Promise<void> {
    try {
      const ids = await sendPlain(this.#db, lane, batch.map(({ body }) => body).join(RECORD))
      this.#onSent(lane, batch.length)
      for (let n = 0; n < batch.length; n++) (batch[n] as Waiting).resolve(ids[n] as string)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}

function takeBatch(waiting: Waiting[]): Waiting[] {
  let bytes = 0
  let amount = 0
  while (amount < Math.min(waiting.length, MOST_PER_STATEMENT) && bytes < MOST_BYTES_PER_STATEMENT)
    bytes += (waiting[amount++] as Waiting).body.length
  return waiting.splice(0, amount)
}
