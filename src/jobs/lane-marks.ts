import type { ClaimRow } from './store.js'

/** However well the hint does, jobs that were committed late below it are looked for this often. */
const RESCAN_MS = 250
/**
 * And from the very beginning this often: a crash of the server that a pooler hid may have undone a claim whose jobs
 * the marks had passed, and nobody would look for them there again.
 */
const FULL_LOOK_MS = 60_000
const RAISE_EVERY_MS = 50
/** A look may take a twentieth of the time, and is not put off for longer than this. */
const LEAST_REST = 20
const MOST_REST_MS = 2_000

/** Safe marks that were found, by lane. */
export type KnownMarks = Map<number, { safe: number; opened: number; fullAt: number }>

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
  readonly #known: KnownMarks
  #safe = 0
  #head = 0
  #wasFull = false
  #lookedAt = 0
  #fullAt: number | undefined
  #restMs = RESCAN_MS
  #raisedAt = Number.NEGATIVE_INFINITY
  /** What a claim takes that begins at the head. */
  #usualMs = 0
  /** The claim that is on its way began at the safe mark. */
  #isLook = false
  /** Claims below are closed. */
  opened = 0
  /** An id that was seen, and that no later transaction id is known for yet. */
  #seen: number | undefined
  /** All owners of ids up to `last` are older than `xid`. */
  #pending: { last: number; xid: bigint } | undefined

  /** @param known where others of this process have come, which is as true for this one */
  constructor(lane: number, known: KnownMarks = new Map()) {
    this.lane = lane
    this.#known = known
    const mark = known.get(lane)
    this.#safe = mark?.safe ?? 0
    this.opened = mark?.opened ?? 0
    this.#fullAt = mark?.fullAt
  }

  get safe(): number {
    return this.#safe
  }

  /** Where the next claim begins. */
  choose(now: number): number {
    this.#fullAt ??= now
    if (now - this.#fullAt > FULL_LOOK_MS) {
      this.forget()
      this.#fullAt = now
    }
    if (this.#wasFull && now - this.#lookedAt < this.#restMs) return this.#head
    this.#lookedAt = now
    this.#isLook = true
    return this.#safe
  }

  /** What the last claim took. Behind a long writer a look walks over all that was done since that began. */
  noteCost(ms: number): void {
    if (!this.#isLook) this.#usualMs = this.#usualMs === 0 ? ms : this.#usualMs * 0.8 + ms * 0.2
    else this.#restMs = Math.min(MOST_REST_MS, Math.max(RESCAN_MS, (ms - this.#usualMs) * LEAST_REST))
    this.#isLook = false
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

  /** Finding a mark costs the server as much as a small claim. */
  mayRaise(now: number): boolean {
    if (now - this.#raisedAt < RAISE_EVERY_MS) return false
    this.#raisedAt = now
    return true
  }

  raise(mark: number): void {
    this.#safe = Math.max(this.#safe, mark)
    this.#known.set(this.lane, { safe: this.#safe, opened: this.opened, fullAt: this.#fullAt ?? 0 })
  }

  /** The database may have another history: what was remembered of it is worth nothing. */
  forget(): void {
    this.#known.delete(this.lane)
    this.#safe = 0
    this.#head = 0
    this.#wasFull = false
    this.opened = 0
    this.#seen = undefined
    this.#pending = undefined
  }
}
