import type { Db, Logger } from '../core/index.js'
import type { Crons } from './crons.js'
import { pursueCancels, sweepProgress } from './progress-store.js'
import { forgetExpired } from './results-store.js'
import { addOutcomes, promote, pruneCounts, reapWorkers, trim } from './store.js'

const TICK_MS = 250
const PROMOTE_MOST = 2_000
/** A transaction that was slow to commit may bring a delayed job whose time is already past. */
const LATE_COMMIT_MS = 60_000
const FULL_LOOK_MS = 10_000
const REAP_EVERY = 2
const TRIM_EVERY = 4
const ADD_EVERY = 4
/** A running job hears at the latest now that it is to end. */
const PURSUE_EVERY = 4
const PURSUE_MOST = 100
/** Ten seconds. */
const FORGET_EVERY = 40
const FORGET_MOST = 1_000
/** Ten minutes. */
const PRUNE_EVERY = 2_400

export interface UpkeepParts {
  db: Db
  logger: Logger
  crons: Crons
  /** The worker of this process; never reaped by itself. */
  self: () => string
  onReady: (lanes: readonly number[]) => void
  /** Somebody wants these running jobs to end. */
  onAsked: (jobIds: readonly string[]) => void
}

/**
 * What every worker does beside its jobs: promotes delayed ones, hands on those of dead workers, empties drained slots,
 * carries out cancellations, deletes results that have expired and counters of more than a week ago.
 * Each is safe to be done by any number of workers at once and by none for a while; nobody leads.
 */
export class Upkeep {
  readonly #parts: UpkeepParts
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #turn = 0
  #promotedTo: Date | '-infinity' = '-infinity'
  #fullLookAt = 0
  #sweptTo = '-infinity'
  #isFailing = false

  constructor(parts: UpkeepParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Everything once, now. */
  async runOnce(): Promise<void> {
    await this.#running
    this.#turn = 0
    await this.#runAll()
  }

  #tick(): void {
    this.#running ??= this.#runAll()
      .then(() => (this.#isFailing = false))
      .catch((error: unknown) => {
        if (!this.#isFailing) this.#parts.logger.warn({ err: error }, 'Upkeep of the jobs failed; it is tried again.')
        this.#isFailing = true
      })
      .then(() => (this.#running = undefined))
  }

  async #runAll(): Promise<void> {
    const turn = this.#turn++
    await this.#parts.crons.fireDue()
    await this.#promoteDue()
    if (turn % REAP_EVERY === 0 && (await reapWorkers(this.#parts.db, this.#parts.self())) > 0) this.#parts.onReady([])
    if (turn % TRIM_EVERY === 0) await trim(this.#parts.db)
    if (turn % ADD_EVERY === 0) await addOutcomes(this.#parts.db)
    if (turn % PURSUE_EVERY === 0) await this.#pursueCancels()
    if (turn % FORGET_EVERY === 0) await this.#forget()
    if (turn % PRUNE_EVERY === 0) await pruneCounts(this.#parts.db)
  }

  async #pursueCancels(): Promise<void> {
    const running = await pursueCancels(this.#parts.db, PURSUE_MOST)
    if (running.length > 0) this.#parts.onAsked(running)
  }

  /** A batch at a time, so that nobody waits for it; full ones follow each other at once. */
  async #forget(): Promise<void> {
    while ((await forgetExpired(this.#parts.db, FORGET_MOST)) === FORGET_MOST);
    this.#sweptTo = (await sweepProgress(this.#parts.db, this.#sweptTo, FORGET_MOST)) ?? '-infinity'
  }

  async #promoteDue(): Promise<void> {
    const now = Date.now()
    if (now - this.#fullLookAt > FULL_LOOK_MS) {
      this.#promotedTo = '-infinity'
      this.#fullLookAt = now
    }
    for (;;) {
      const { amount, lanes } = await promote(this.#parts.db, this.#promotedTo, PROMOTE_MOST)
      if (amount > 0) this.#parts.onReady(lanes)
      if (amount < PROMOTE_MOST) break
    }
    this.#promotedTo = new Date(now - LATE_COMMIT_MS)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }
}
