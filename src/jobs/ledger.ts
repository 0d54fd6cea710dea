import { setTimeout as sleep } from 'node:timers/promises'
import { isHoldfastError, type Db } from '../core/index.js'
import { jobIdOf, type ClaimedJob } from './claimed-job.js'
import { concludeAll } from './conclude.js'
import type { Conclusion } from './results-store.js'
import { complete, fail, giveBack, type Completion, type Failure } from './store.js'

/** Rows of one slot have equal id >> 16: a run must not leave its slot. */
const SLOT_SIZE = 65_536
/** Fewer are ended by their ids: each run is a statement of its own on the server. */
const SHORTEST_RUN = 16

/** A statement that follows another one within this time waits for company, so long, unless so many are there already. */
const GATHER_MS = 4
const ENOUGH = 40

type Done = Pick<ClaimedJob, 'id' | 'cid' | 'place'>

interface LaneEntry {
  done: Done[]
  failures: Failure[]
  returns: { id: number; cid: number }[]
  ended: number[]
  frees: boolean
  /** Runs that leave something. */
  concluded: Conclusion[]
  /** Ids of jobs whose change may concern somebody who watches. */
  told: string[]
}

/**
 * What became of the claimed jobs, written to the database as it goes: one statement is on its way at a time, and
 * whatever ends meanwhile joins the next. That is a few milliseconds' worth, so a killed worker repeats few jobs.
 */
export class Ledger {
  readonly #db: Db
  readonly #worker: string
  readonly #onLost: (error?: unknown) => void
  readonly #onWritten: (mayBeReady: boolean) => void
  readonly #onTold: (jobIds: readonly string[]) => void
  readonly #left = new Map<number, number>()
  readonly #lanes = new Map<number, LaneEntry>()
  #flushing: Promise<void> | undefined
  #flushedAt = Number.NEGATIVE_INFINITY
  /** Somebody waits for all of it. */
  #isUrgent = false
  #isClosed = false
  /** Jobs whose end came too late: they had been handed to another worker. */
  lost = 0

  /** Succeeded and not written yet: what a killed worker would repeat, beside what it was running. */
  unwritten = 0

  constructor(
    db: Db,
    worker: string,
    onLost: (error?: unknown) => void,
    onWritten: (mayBeReady: boolean) => void = () => {},
    onTold: (jobIds: readonly string[]) => void = () => {},
  ) {
    this.#db = db
    this.#worker = worker
    this.#onLost = onLost
    this.#onWritten = onWritten
    this.#onTold = onTold
  }

  open(cid: number, amount: number): void {
    this.#left.set(cid, amount)
  }

  finish(job: ClaimedJob): void {
    const entry = this.#entryOf(job)
    entry.done.push({ id: job.id, cid: job.cid, place: job.place })
    this.unwritten++
    if (job.frees) entry.frees = true
    this.#settle(entry, job.cid)
  }

  /** `runAt` null: no attempt is left, or none makes sense. */
  fail(job: ClaimedJob, runAt: Date | null, error: object): void {
    const entry = this.#entryOf(job)
    entry.failures.push({ id: job.id, cid: job.cid, runAt, error })
    this.#settle(entry, job.cid)
  }

  /** As finish, of a run that leaves something: its result, its cancellation, or what it noted. */
  conclude(job: ClaimedJob, outcome: Conclusion['outcome'], result: string | null): void {
    const entry = this.#entryOf(job)
    entry.concluded.push({ id: job.id, cid: job.cid, outcome, result })
    if (job.frees) entry.frees = true
    this.tell(job)
    this.#settle(entry, job.cid)
  }

  /** Those who watch the job are told when what becomes of it now is written. */
  tell(job: ClaimedJob): void {
    this.#entryOf(job).told.push(jobIdOf(job))
  }

  giveBack(job: ClaimedJob): void {
    const entry = this.#entryOf(job)
    entry.returns.push({ id: job.id, cid: job.cid })
    this.#settle(entry, job.cid)
  }

  /** The job's row is gone already: its own transaction deleted it. */
  close(job: ClaimedJob): void {
    const entry = this.#entryOf(job)
    if (job.frees) entry.frees = true
    this.#settle(entry, job.cid)
  }

  /** Resolves when everything so far is written. */
  async flush(): Promise<void> {
    this.#isUrgent = true
    while (this.#flushing !== undefined || this.#lanes.size > 0) await this.#startFlush()
  }

  /** The worker is lost: nothing that it still holds may be written. */
  abandon(): void {
    this.#isClosed = true
    this.#lanes.clear()
    this.#left.clear()
  }

  #entryOf({ lane }: ClaimedJob): LaneEntry {
    let entry = this.#lanes.get(lane)
    if (entry === undefined) {
      entry = { done: [], failures: [], returns: [], ended: [], frees: false, concluded: [], told: [] }
      this.#lanes.set(lane, entry)
    }
    return entry
  }

  #settle(entry: LaneEntry, cid: number): void {
    const left = (this.#left.get(cid) ?? 1) - 1
    if (left === 0) {
      this.#left.delete(cid)
      entry.ended.push(cid)
    } else this.#left.set(cid, left)
    void this.#startFlush()
  }

  #startFlush(): Promise<void> {
    return (this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushedAt = performance.now()
      this.#flushing = undefined
      if (this.#lanes.size > 0 && !this.#isClosed) void this.#startFlush()
    }))
  }

  async #flushAll(): Promise<void> {
    // What ends in this turn of the loop goes along.
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (this.#mayGather()) await sleep(GATHER_MS)
    for (const [lane, entry] of this.#lanes) {
      this.#lanes.delete(lane)
      try {
        await this.#write(lane, entry)
        if (entry.told.length > 0) this.#onTold(entry.told)
      } catch (error) {
        // Nothing was sent: it joins what has ended meanwhile.
        if (isHoldfastError(error, 'HF_POOL_TIMEOUT')) this.#keep(lane, entry)
        // Whether it was written is unknown; the jobs are given up, and whoever takes over finds out.
        else return this.#onLost(error)
      }
    }
  }

  /** A trickle of ends, each a statement of its own as soon as the one before is back, would cost the server a third more. */
  #mayGather(): boolean {
    return !this.#isUrgent && this.unwritten < ENOUGH && performance.now() - this.#flushedAt < GATHER_MS
  }

  #keep(lane: number, entry: LaneEntry): void {
    const newer = this.#lanes.get(lane)
    if (newer !== undefined) {
      for (const name of ['done', 'failures', 'returns', 'ended', 'concluded', 'told'] as const)
        (entry[name] as unknown[]).push(...newer[name])
      entry.frees ||= newer.frees
    }
    this.#lanes.set(lane, entry)
  }

  /** What is written leaves the entry, so that it can be kept for another try at any point. */
  async #write(lane: number, entry: LaneEntry): Promise<void> {
    const [db, worker] = [this.#db, this.#worker]
    const { done, failures, returns, ended, frees } = entry
    if (failures.length > 0) {
      this.lost += failures.length - (await fail(db, worker, lane, failures))
      entry.failures = []
      this.#onWritten(true)
    }
    if (returns.length > 0) {
      await giveBack(
        db,
        worker,
        lane,
        returns.map(({ id }) => id),
        returns.map(({ cid }) => cid),
      )
      entry.returns = []
    }
    const hasConcluded = entry.concluded.length > 0
    if (hasConcluded) this.lost += await concludeAll(db, worker, lane, entry.concluded, done.length === 0 ? ended : [])
    if (done.length > 0 || (ended.length > 0 && !hasConcluded)) {
      const completion: Completion = { lane, ...joinRuns(done), ended, frees }
      this.lost += done.length - (await complete(db, worker, completion))
      this.unwritten -= done.length
    }
    // Another job of a key that has been freed may run now.
    this.#onWritten(frees)
  }
}

/**
 * Neighbours of a claim as runs, whatever other queues have drawn in between; the server takes no row of the lane in
 * between that is not the claim's, as one that was committed late.
 */
export function joinRuns(done: readonly Done[]): Pick<Completion, 'lo' | 'hi' | 'cids'> {
  const [lo, hi, cids]: [number[], number[], number[]] = [[], [], []]
  const sorted = done.toSorted((a, b) => a.cid - b.cid || a.place - b.place)
  for (let [from, to] = [0, 0]; from < sorted.length; from = to) {
    const first = sorted[from] as Done
    while (++to < sorted.length && isNext(first, to - from, sorted[to] as Done));
    const ends = to - from < SHORTEST_RUN ? sorted.slice(from, to).map((one) => [one, one]) : [[first, sorted[to - 1]]]
    for (const [lower, upper] of ends as [Done, Done][]) {
      lo.push(lower.id)
      hi.push(upper.id)
      cids.push(lower.cid)
    }
  }
  return { lo, hi, cids }
}

const isNext = (first: Done, distance: number, { id, cid, place }: Done): boolean =>
  cid === first.cid &&
  place === first.place + distance &&
  Math.floor(id / SLOT_SIZE) === Math.floor(first.id / SLOT_SIZE)
