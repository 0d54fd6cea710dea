import type { ClaimRow } from './store.js'

/** However well the hint does, jobs that were committed late below it are looked for this often. */
const RESCAN_MS = 250
/**
 * And from the very beginning this often: a crash of the server that a pooler hid may have undone a claim whose jobs
 * the marks had passed, and nobody would look for them there again.
 */
const FULL_LOOK_MS = 60_000

/**
 * Where to begin looking for a lane's jobs. Without it every claim would walk over all rows that are deleted but not
 * vacuumed: under an old snapshot a queue without a mark fell from 139 to 14 thousand jobs a second.
 *
 * Two marks. `head`: after the last claimed id; only while batches come back full, and never for longer than 250 ms, as
 * a transaction that was slow to commit may still bring jobs below it. `safe`: nothing can appear below it. A sender
 * takes its transaction's id before the job's, so whoever owns an id up to one that a claim saw is older than any
 * transaction begun after that claim. The *next* claim's own transaction id is such a stamp: the first one's is not,
 * because it was taken before the rows were looked at. All owners have ended once a snapshot's xmin has reached it.
 *
 * Both are hints. A mark that is too high delays a job until somebody looks below; it cannot run one twice.
 */
export class LaneMarks {
  readonly lane: number
  #safe = 0
  #head = 0
  #wasFull = false
  #lookedAt = 0
  #fullAt = 0
  /** Claims below are closed. */
  opened = 0
  /** An id that was seen, and that no later transaction id is known for yet. */
  #seen: number | undefined
  /** All owners of ids up to `last` are older than `xid`. */
  #pending: { last: number; xid: bigint } | undefined

  constructor(lane: number) {
    this.lane = lane
  }

  get safe(): number {
    return this.#safe
  }

  /** Where the next claim begins. */
  choose(now: number): number {
    if (now - this.#fullAt > FULL_LOOK_MS) {
      this.forget()
      this.#fullAt = now
    }
    if (this.#wasFull && now - this.#lookedAt < RESCAN_MS) return this.#head
    this.#lookedAt = now
    return this.#safe
  }

  /** Takes in what a claim found. Gives the id up to which a new safe mark may be looked for now. */
  note(row: ClaimRow, wasFull: boolean): number | undefined {
    this.opened = Number(row.opened)
    this.#wasFull = wasFull
    if (row.xid !== null && this.#seen !== undefined && this.#pending === undefined) {
      this.#pending = { last: this.#seen, xid: BigInt(row.xid) }
      this.#seen = undefined
    }
    if (row.last_id !== null) {
      const last = Number(row.last_id)
      this.#head = Math.max(this.#head, last + 1)
      if (last >= this.#safe) this.#seen = Math.max(this.#seen ?? 0, last)
    }
    if (this.#pending === undefined || BigInt(row.xmin) < this.#pending.xid) return undefined
    const { last } = this.#pending
    this.#pending = undefined
    return last
  }

  raise(mark: number): void {
    this.#safe = Math.max(this.#safe, mark)
  }

  /** The database may have another history: what was remembered of it is worth nothing. */
  forget(): void {
    this.#safe = 0
    this.#head = 0
    this.#wasFull = false
    this.opened = 0
    this.#seen = undefined
    this.#pending = undefined
  }
}
