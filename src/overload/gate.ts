import { performance } from 'node:perf_hooks'
import { Concurrency } from './concurrency.js'
import { FairQueue, type Entry } from './fair-queue.js'
import type { ShedReason } from './types.js'

/**
 * Requests are begun for so long in one turn of the event loop, then it looks at its sockets again: those who came
 * meanwhile are seen, and the queue is here, where it can be ordered, and not in the kernel. @unit ms
 */
const SLICE_MS = 1
/** After the last refusal it stays strict for so long. @unit ms */
const CALM_AFTER_MS = 1_000
/** Without a deadline of its own a request may take so many times what it takes alone, and this at least. @unit ms */
const TIMES_ALONE = 2
const LEAST_DEADLINE_MS = 10

export interface Waiter {
  readonly key: string
  /** Called once, when it is its turn; `leave` must be called when it has ended. */
  begin(leave: () => void): void
  refuse(reason: ShedReason): void
}

interface Queued {
  readonly waiter: Waiter
  /** When it can have come at the earliest: it may have waited in the kernel for the loop to turn. */
  readonly cameAt: number
}

export interface GateOptions {
  deadlineMs: number | undefined
  maxConcurrent: number
  maxQueue: number
  maxWaitMs: number
  graceMs: number
}

/** Who may begin, who waits and who is refused. */
export class Gate {
  inFlight = 0
  readonly concurrency: Concurrency
  readonly #queue = new FairQueue<Queued>()
  readonly #options: GateOptions
  /** The one that is under way with no other one beside it, by its number. */
  #alone = 0
  #begun = 0
  /** Of one begin to the next while somebody waits. @unit ms */
  #paceMs = 0
  #lastBeginAt = 0
  #isTurnOpen = false
  #turnAt = 0
  /** A time at which the loop went on to look at its sockets, how long it had been idle until then, and its turns. */
  #lookedAt = 0
  #idleMs = 0
  #turns = 0
  /** Since when everybody who begins is late. */
  #lateSince: number | undefined
  #strictUntil = 0
  #isTimed = false

  constructor(options: GateOptions) {
    this.#options = options
    this.concurrency = new Concurrency(options.maxConcurrent, options.deadlineMs)
  }

  get queued(): number {
    return this.#queue.size
  }

  /** Under overload those who would be answered too late are refused; else everybody waits, and a short stall harms nobody. */
  get isStrict(): boolean {
    return performance.now() < this.#strictUntil
  }

  /** The longest that a request may take, from when it came until it is answered. @unit ms */
  get deadlineMs(): number {
    return this.#options.deadlineMs ?? Math.max(LEAST_DEADLINE_MS, TIMES_ALONE * this.concurrency.aloneMs)
  }

  queuedOf(key: string): number {
    return this.#queue.lengthOf(key)
  }

  /** Begins, queues or refuses at once. Gives what takes a waiting one back out. */
  enter(waiter: Waiter): (() => boolean) | undefined {
    const now = performance.now()
    const hasPlace = this.inFlight < this.concurrency.limit
    if (this.#queue.size === 0 && hasPlace && this.#hasTime(now)) {
      this.#lateSince = undefined
      this.#begin(waiter, now)
      return undefined
    }
    if (!hasPlace) this.concurrency.reach()
    return this.#wait({ waiter, cameAt: now - this.#readUnseenMs(now) }, now)
  }

  #wait(queued: Queued, now: number): (() => boolean) | undefined {
    this.#noteOldest(now)
    const room = now < this.#strictUntil ? this.#countRoom() : this.#options.maxQueue
    if (this.#queue.size >= room) {
      const reason = room < this.#options.maxQueue ? 'late' : 'full'
      const other = this.#queue.displace(queued.waiter.key)
      this.#refuse(other ?? queued, other ? 'share' : reason, now)
      if (other === undefined) return undefined
    }
    const entry = this.#queue.push(queued.waiter.key, queued)
    if (!this.#isTimed) this.#sweepAfter(this.#options.maxWaitMs)
    this.#openTurn(now)
    return () => this.#queue.remove(entry)
  }

  /** How many of those who wait can be answered in time. */
  #countRoom(): number {
    const waitMs = this.#allowedWaitMs()
    const room = this.#paceMs === 0 ? 1 : Math.floor(waitMs / this.#paceMs)
    return Math.min(this.#options.maxQueue, Math.max(1, room))
  }

  #allowedWaitMs(): number {
    return Math.max(0, this.deadlineMs - this.concurrency.takesMs)
  }

  #begin(waiter: Waiter, now: number): void {
    const number = ++this.#begun
    this.#alone = this.inFlight === 0 ? number : 0
    this.inFlight++
    this.#lastBeginAt = now
    let hasLeft = false
    waiter.begin(() => {
      if (hasLeft) return
      hasLeft = true
      this.#leave(number, now)
    })
  }

  #leave(number: number, beganAt: number): void {
    const now = performance.now()
    this.inFlight--
    this.concurrency.record(now - beganAt, this.#alone === number, now)
    if (this.#queue.size > 0) this.#openTurn(now)
  }

  /** As many as there are places and time for. */
  #drain(): void {
    while (this.#queue.size > 0) {
      if (this.inFlight >= this.concurrency.limit) return this.concurrency.reach()
      const now = performance.now()
      if (!this.#hasTime(now)) return
      const queued = this.#queue.shift() as Queued
      const isLate = now - queued.cameAt > this.#allowedWaitMs()
      if (!isLate) this.#lateSince = undefined
      else if (this.#noteLate(now)) {
        this.#refuse(queued, 'late', now)
        continue
      }
      const paceMs = now - this.#lastBeginAt
      this.#paceMs = this.#paceMs === 0 ? paceMs : this.#paceMs + (paceMs - this.#paceMs) * 0.1
      this.#begin(queued.waiter, now)
    }
  }

  /** True from when it has been so for the whole of `graceMs`: what is shorter is a burst, and worth waiting for. */
  #noteLate(now: number): boolean {
    this.#lateSince ??= now
    if (now - this.#lateSince >= this.#options.graceMs) this.#strictUntil = now + CALM_AFTER_MS
    return now < this.#strictUntil
  }

  /** Where nobody begins because nobody ends, it is those who wait that tell. */
  #noteOldest(now: number): void {
    const [oldest] = this.#queue.firsts()
    if (oldest && now - oldest.item.cameAt > this.#allowedWaitMs()) this.#noteLate(now)
  }

  #refuse({ waiter }: Queued, reason: ShedReason, now: number): void {
    if (now < this.#strictUntil) this.#strictUntil = now + CALM_AFTER_MS
    waiter.refuse(reason)
  }

  #hasTime(now: number): boolean {
    this.#openTurn(now)
    return now - this.#turnAt < SLICE_MS
  }

  #openTurn(now: number): void {
    if (this.#isTurnOpen) return
    this.#isTurnOpen = true
    this.#turnAt = now
    setImmediate(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    this.#isTurnOpen = false
    this.#lookedAt = performance.now()
    this.#idleMs = performance.nodeTiming.idleTime
    this.#turns = performance.nodeTiming.uvMetricsInfo.loopCount
    this.#drain()
  }

  /** For how long a request that is seen now can have lain in the kernel: for as long as the loop was busy since it looked last. */
  #readUnseenMs(now: number): number {
    const { idleTime, uvMetricsInfo } = performance.nodeTiming
    const busyMs = now - this.#lookedAt - (idleTime - this.#idleMs)
    // Where no request came for some turns, the length of one is their mean.
    return Math.max(0, busyMs / Math.max(1, uvMetricsInfo.loopCount - this.#turns))
  }

  /** Nobody waits for longer than `maxWaitMs`, whatever happens to those who are under way. */
  #sweep(): void {
    this.#isTimed = false
    const now = performance.now()
    let nextAt = Infinity
    const { maxWaitMs } = this.#options
    for (const first of this.#queue.firsts()) {
      let entry: Entry<Queued> | undefined = first
      for (; entry && entry.item.cameAt + maxWaitMs <= now; entry = entry.after) {
        this.#queue.remove(entry)
        this.#refuse(entry.item, 'timeout', now)
      }
      if (entry) nextAt = Math.min(nextAt, entry.item.cameAt + maxWaitMs)
    }
    if (nextAt < Infinity) this.#sweepAfter(Math.max(1, nextAt - now))
  }

  #sweepAfter(ms: number): void {
    this.#isTimed = true
    setTimeout(() => this.#sweep(), ms).unref()
  }
}
