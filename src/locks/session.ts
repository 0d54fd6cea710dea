import type { Db, Logger } from '../core/index.js'
import type { Backend, Joined } from './backend.js'
import { locksError } from './errors.js'
import { Flights } from './flights.js'
import { HeldLock } from './held-lock.js'
import type { RequestRecord, RequestRow } from './store.js'
import type { LockMode } from './types.js'

/** Keys of one statement: each takes a place in the server's lock table until it commits. */
const MOST_KEYS = 200
const MOST_RELEASES = 200
/** Those who wait look for themselves this often: a hint may be lost, and a dead holder gives none. */
const LOOK_MS = 1_000
/** Where LISTEN leads nowhere. */
const LOOK_WITHOUT_HINTS_MS = 100
const LEAST_BEAT_MS = 100
/** One silent connection must not cost the lease: the next heartbeat takes another. */
const LEAST_BEAT_DEADLINE_MS = 500
/** A guarded write of a lock that is released is still under way. */
const AGAIN_MS = 50
const MOST_RELEASE_TRIES = 6
/** Looked for in one round, each by a statement of its own. */
const MOST_CIRCLES = 20
const SWEEP_EVERY = 60
const SWEEP_MOST = 100

export interface Wanted {
  keys: readonly string[]
  mode: LockMode
  ttlMs: number
  waits: boolean
  /** Ticket. */
  within: string | null
  label: string | null
}

interface Waiter {
  wanted: Wanted
  resolve: (granted: Granted) => void
  reject: (error: unknown) => void
}

interface Granted {
  ticket: string
  fence: string
  seenAt: number
}

interface Asked extends RequestRow {
  owner: string
  sentAt: number
}

/**
 * What one process has to do with the queues: one owner, one heartbeat for all that it holds and waits for, one connection
 * that listens, and one call at a time for those who ask and for those who release.
 */
export class Session {
  readonly #db: Db
  readonly #backend: Backend
  readonly #name: string
  readonly #logger: Logger
  readonly #held = new Map<string, HeldLock>()
  readonly #waiting = new Map<string, Waiter>()
  /** Grants that were heard of before the answer to the request. */
  readonly #early = new Map<string, string>()
  readonly #asking: Flights<RequestRecord, Asked>
  readonly #releasing: Flights<string, boolean>
  #joined: Promise<Joined> | undefined
  /** As which it is known now. */
  #owner: string | undefined
  #hasHints = true
  #seenAt = 0
  #beatTimer: NodeJS.Timeout | undefined
  /** `performance.now()` of the next heartbeat. */
  #beatAt = 0
  /** Lease of what is held or waited for; never longer than the shortest one. */
  #shortestMs = Infinity
  #lookTimer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  /** Number of the last statement that asked, and of the last one whose answer is in, or lost. */
  #asked = 0
  #answered = 0
  #rounds = 0
  #isClosed = false

  constructor(db: Db, backend: Backend, name: string, logger: Logger) {
    this.#db = db
    this.#backend = backend
    this.#name = name
    this.#logger = logger
    this.#asking = new Flights(
      MOST_KEYS,
      ({ keys }) => keys.length,
      async (records) => await this.#ask(records),
    )
    this.#releasing = new Flights(
      MOST_RELEASES,
      () => 1,
      async (tickets) => await this.#release(tickets),
    )
  }

  /** Undefined: it did not want to wait. @throws HF_LOCKS_TIMEOUT, HF_LOCKS_DEADLOCK, HF_LOCKS_CLOSED */
  async acquire(wanted: Wanted, waitMs: number, signal: AbortSignal | undefined): Promise<HeldLock | undefined> {
    if (this.#isClosed) throw describeClosed()
    const { keys, mode, ttlMs, waits, within, label } = wanted
    const endsAt = performance.now() + waitMs
    const record = { keys, shared: mode === 'shared', ttl: Math.round(ttlMs), wait: waits, within, label }
    const { ticket, fence, owner, sentAt } = await this.#asking.join(record)
    if (ticket === null) return undefined
    if (fence !== null) return await this.#hold(wanted, { ticket, fence, seenAt: sentAt }, owner, signal)
    const granted = await this.#wait(ticket, wanted, endsAt - performance.now(), waitMs, signal)
    // A process that held nothing for long was not seen for as long; that it asked is as good as a heartbeat.
    return await this.#hold(wanted, { ...granted, seenAt: Math.max(granted.seenAt, sentAt) }, owner, signal)
  }

  async #ask(records: readonly RequestRecord[]): Promise<Asked[]> {
    const flight = ++this.#asked
    try {
      return await this.#askAs(flight, records)
    } finally {
      this.#answered = flight
    }
  }

  async #askAs(flight: number, records: readonly RequestRecord[]): Promise<Asked[]> {
    for (let tries = 1; ; tries++) {
      const owner = await this.#join()
      const sentAt = performance.now()
      try {
        const rows = await this.#backend.request(owner, records, flight)
        const byPlace = new Map(rows.map((row) => [row.n, row]))
        return records.map((_, place) => ({ ...(byPlace.get(place + 1) as RequestRow), owner, sentAt }))
      } catch (error) {
        if (!this.#backend.isUnknown(error) || tries === 3) throw error
        this.#forget(owner)
      }
    }
  }

  /** Makes this process known, and hears what is meant for it. */
  async #join(): Promise<string> {
    this.#joined ??= this.#register().catch((error: unknown) => {
      this.#joined = undefined
      throw error
    })
    return (await this.#joined).owner
  }

  async #register(): Promise<Joined> {
    const sentAt = performance.now()
    const joined = await this.#backend.join(this.#name, {
      held: (ticket, fence) => this.#hear(ticket, fence),
      look: (ticket) => void this.#lookAt([ticket]),
      missed: () => this.#lookSoon(),
    })
    this.#owner = joined.owner
    this.#seenAt = sentAt
    this.#hasHints = joined.hasHints
    return joined
  }

  #hear(ticket: string, fence: string): void {
    if (!this.#grant(ticket, fence)) this.#early.set(ticket, fence)
    // What nobody asks for any more is not kept for ever.
    if (this.#early.size > 10_000) this.#early.delete(this.#early.keys().next().value as string)
  }

  #grant(ticket: string, fence: string): boolean {
    const waiter = this.#waiting.get(ticket)
    if (waiter === undefined) return false
    this.#waiting.delete(ticket)
    waiter.resolve({ ticket, fence, seenAt: this.#seenAt })
    return true
  }

  async #wait(
    ticket: string,
    wanted: Wanted,
    leftMs: number,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Granted> {
    const early = this.#early.get(ticket)
    this.#early.delete(ticket)
    if (early !== undefined) return { ticket, fence: early, seenAt: this.#seenAt }
    let onAbort!: () => void
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<Granted>((resolve, reject) => {
        this.#waiting.set(ticket, { wanted, resolve, reject })
        timer = setTimeout(() => reject(describeTimeout(wanted, waitMs)), Math.max(0, leftMs))
        onAbort = () => reject(signal?.reason as Error)
        signal?.addEventListener('abort', onAbort, { once: true })
        if (signal?.aborted) onAbort()
        this.#schedule(wanted.ttlMs)
      })
    } catch (error) {
      this.#waiting.delete(ticket)
      void this.#letGo(ticket)
      throw error
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #hold(
    { keys, mode, ttlMs }: Wanted,
    { ticket, fence, seenAt }: Granted,
    owner: string,
    signal: AbortSignal | undefined,
  ): Promise<HeldLock> {
    // Nobody is there any more to hold it.
    if (signal?.aborted || this.#isClosed || (await this.#joined)?.owner !== owner) {
      await this.#letGo(ticket)
      throw signal?.aborted ? (signal.reason as Error) : describeClosed()
    }
    const lock = new HeldLock({
      db: this.#db,
      guard: async (tx, each) => await this.#backend.guard(tx, each),
      ticket,
      fence: BigInt(fence),
      keys,
      mode,
      ttlMs,
      seenAt,
      onEnd: () => void this.#held.delete(ticket),
      release: async (each) => await this.#letGo(each),
    })
    // One that was too late is over already.
    if (lock.isHeld) this.#held.set(ticket, lock)
    this.#schedule(ttlMs)
    return lock
  }

  /**
   * Once it is gone, or will be as soon as a write that it guards has ended. One that fails is let go by a later try or by
   * a heartbeat, which knows that nobody has it: who releases has no use for the error.
   */
  async #letGo(ticket: string, tries = 1): Promise<void> {
    try {
      if (await this.#releasing.join(ticket)) return
    } catch (error) {
      this.#logger.debug({ err: error }, 'Releasing a lock failed; it is tried again.')
      if (tries === MOST_RELEASE_TRIES) return
      tries++
    }
    if (!this.#isClosed) setTimeout(() => void this.#letGo(ticket, tries), AGAIN_MS * tries)
  }

  async #release(tickets: readonly string[]): Promise<boolean[]> {
    const joined = await this.#joined
    if (joined === undefined) return tickets.map(() => true)
    const stay = new Set(await this.#backend.release(joined.owner, tickets))
    return tickets.map((ticket) => !stay.has(ticket))
  }

  /** Heartbeats while there is something to keep, looks while somebody waits. */
  #schedule(ttlMs = Infinity): void {
    this.#shortestMs = Math.min(this.#shortestMs, ttlMs)
    this.#scheduleBeat()
    if (this.#lookTimer !== undefined || this.#waiting.size === 0) return
    const lookMs = this.#hasHints ? LOOK_MS : LOOK_WITHOUT_HINTS_MS
    this.#lookTimer = setTimeout(() => void this.#lookAround(), lookMs)
  }

  /** A third of the shortest lease: one that is lost on its way is followed by another in time. */
  #scheduleBeat(): void {
    if (!this.#isBusy) return
    const beatAt = performance.now() + Math.max(LEAST_BEAT_MS, this.#shortestMs / 3)
    if (this.#beatTimer !== undefined && this.#beatAt <= beatAt) return
    clearTimeout(this.#beatTimer)
    this.#beatAt = beatAt
    this.#beatTimer = setTimeout(() => void this.#beat(), beatAt - performance.now())
  }

  get #isBusy(): boolean {
    return this.#held.size + this.#waiting.size > 0
  }

  #findShortest(): number {
    let shortest = Infinity
    for (const { ttlMs } of this.#held.values()) shortest = Math.min(shortest, ttlMs)
    for (const { wanted } of this.#waiting.values()) shortest = Math.min(shortest, wanted.ttlMs)
    return shortest
  }

  async #beat(): Promise<void> {
    const joined = await this.#joined?.catch(() => undefined)
    // Whoever comes meanwhile with a shorter lease sets a timer of its own.
    this.#beatTimer = undefined
    if (joined !== undefined && this.#isBusy) await this.#beatAs(joined.owner)
    this.#shortestMs = this.#findShortest()
    if (!this.#isClosed) this.#schedule()
  }

  async #beatAs(owner: string): Promise<void> {
    const sentAt = performance.now()
    try {
      const waiting = [...this.#waiting.keys()]
      const deadlineMs = Math.max(LEAST_BEAT_DEADLINE_MS, Math.round(this.#shortestMs / 3))
      const held = [...this.#held.keys()]
      const gone = await this.#backend.beat(owner, { held, waiting, flight: this.#answered, deadlineMs })
      this.#seenAt = sentAt
      for (const ticket of gone) this.#held.get(ticket)?.lose()
      for (const lock of this.#held.values()) lock.extend(sentAt)
      if (++this.#rounds % SWEEP_EVERY === 0) await this.#backend.sweep(SWEEP_MOST)
    } catch (error) {
      if (this.#backend.isUnknown(error)) this.#forget(owner)
      else
        this.#logger.warn(
          { err: error },
          'A heartbeat of the locks failed; what is held ends unless the next one gets through.',
        )
    }
  }

  /** This process is not known any more: whatever it held is others'. */
  #forget(owner: string): void {
    // Two calls may find out, and the second one must not take what was built up since the first.
    if (this.#owner !== owner) return
    this.#owner = undefined
    void this.#joined?.then(async (joined) => await joined.leave()).catch(() => {})
    this.#joined = undefined
    this.#early.clear()
    for (const lock of this.#held.values()) lock.lose()
    for (const [ticket, { reject, wanted }] of this.#waiting) {
      this.#waiting.delete(ticket)
      reject(describeTimeout(wanted, 0))
    }
    this.#logger.warn({ owner }, 'The database has declared this process dead; its locks are lost.')
  }

  #lookSoon(): void {
    if (this.#waiting.size > 0) void this.#lookAt([...this.#heads()])
  }

  async #lookAround(): Promise<void> {
    await this.#lookAt([...this.#heads()])
    await this.#findCircles().catch(() => {})
    this.#lookTimer = undefined
    if (!this.#isClosed) this.#schedule()
  }

  /** Of each key the first that waits here: the others cannot be next. */
  #heads(): Set<string> {
    const heads = new Map<string, string>()
    for (const [ticket, { wanted }] of this.#waiting)
      for (const key of wanted.keys) if (!heads.has(key)) heads.set(key, ticket)
    return new Set([...heads.values()].slice(0, MOST_KEYS))
  }

  async #lookAt(tickets: readonly string[]): Promise<void> {
    while (this.#looking !== undefined) await this.#looking
    const waited = tickets.filter((ticket) => this.#waiting.has(ticket))
    if (waited.length === 0) return
    this.#looking = this.#lookNow(waited).finally(() => (this.#looking = undefined))
    await this.#looking
  }

  async #lookNow(tickets: readonly string[]): Promise<void> {
    try {
      const owner = await this.#join()
      for (const { ticket, fence, is_gone: isGone } of await this.#backend.look(owner, tickets)) {
        if (fence !== null) this.#grant(ticket, fence)
        else if (isGone) this.#waiting.get(ticket)?.reject(describeLostPlace())
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'Looking for locks that wait failed; it is tried again.')
    }
  }

  /** Only who holds something while it waits can be part of a circle. The youngest of one is ended. */
  async #findCircles(): Promise<void> {
    const nested = [...this.#waiting].filter(([, { wanted }]) => wanted.within !== null).slice(0, MOST_CIRCLES)
    for (const [ticket, waiter] of nested) {
      const circle = await this.#backend.findCircle(ticket)
      if (circle === null || circle.some((other) => BigInt(other) > BigInt(ticket))) continue
      waiter.reject(describeCircle(circle.length))
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#lookTimer)
    clearTimeout(this.#beatTimer)
    const waiting = [...this.#waiting.keys()]
    for (const { reject } of this.#waiting.values()) reject(describeClosed())
    const held = [...this.#held.values()]
    for (const lock of held) lock.lose(describeClosed())
    await Promise.all(held.map(async (lock) => await lock.release()))
    await Promise.all(waiting.map(async (ticket) => await this.#letGo(ticket)))
    await this.#looking
    const joined = await this.#joined?.catch(() => undefined)
    await joined?.leave()
  }
}

function describeTimeout({ keys }: Wanted, waitMs: number) {
  const what = keys.length === 1 ? 'The lock was' : `${keys.length} locks were`
  return locksError('HF_LOCKS_TIMEOUT', `${what} not had within ${Math.round(waitMs)} ms.`, { details: { waitMs } })
}

function describeLostPlace() {
  return locksError('HF_LOCKS_TIMEOUT', 'The place in the queue was lost: the database thought this process dead.')
}

function describeCircle(length: number) {
  return locksError('HF_LOCKS_DEADLOCK', `${length} requests wait for each other in a circle; this is the youngest.`, {
    details: { length },
  })
}

function describeClosed() {
  return locksError('HF_LOCKS_CLOSED', 'These locks have been closed.')
}
