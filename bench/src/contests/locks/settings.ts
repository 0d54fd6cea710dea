// What the subjects are given; the document of the contest holds it.

export const PROCESSES = 4
/** All of them want one key. */
export const WAITERS = 20
export const WAITERS_OF_EACH = WAITERS / PROCESSES
/** Of each waiter, one after the other: 40 turns. */
export const TURNS = 2
export const HOLD_MS = 2
/** Where hardly anything goes on: one waiter in each process, and a pause in each turn. */
export const IDLE_TURNS = 25
export const IDLE_HOLD_MS = 5
export const KEY = 'user:7:export'

/** At once, over all processes. */
export const WIDE = 10_000
/** Connections of the pool of each process there. */
export const WIDE_POOL = 2
/** So long is waited there: that somebody starves is to be seen, not that the machine is slow. */
export const WIDE_WAIT_MS = 240_000

export const LEASE_MS = 30_000

/** As its documentation has them, but that it never gives up; and with a delay that suits turns of 2 ms. */
export const redlock = { retryCount: -1, retryDelay: 200, retryJitter: 100 }
export const redlockEager = { retryCount: -1, retryDelay: 10, retryJitter: 10 }
/** The default looks every 10 ms. */
export const redisSemaphore = { lockTimeout: LEASE_MS, acquireTimeout: 60_000 }

export const settings = {
  handover: { processes: PROCESSES, waiters: WAITERS, turns: WAITERS * TURNS, holdMs: HOLD_MS },
  handoverIdle: { processes: PROCESSES, waiters: PROCESSES, turns: PROCESSES * IDLE_TURNS, holdMs: IDLE_HOLD_MS },
  wide: { keys: WIDE, waiters: WIDE, processes: PROCESSES, poolMax: WIDE_POOL, waitMs: WIDE_WAIT_MS },
  redlock,
  redlockEager,
  redisSemaphore,
}
