import type { Queryable } from '../core/index.js'
import type { Heartbeat, LookRow, OverviewRow, RequestRecord, RequestRow } from './store.js'
import type { LockMode } from './types.js'

/** What a process hears of its own requests. */
export interface Hints {
  /** Somebody granted it. */
  held(ticket: string, fence: string): void
  /** It may be its turn. */
  look(ticket: string): void
  /** Hints were lost. */
  missed(): void
}

export interface Joined {
  owner: string
  /** False: nothing is ever heard. */
  hasHints: boolean
  leave(): Promise<void>
}

export interface Guarded {
  ticket: string
  fence: bigint
  keys: readonly string[]
  mode: LockMode
}

/**
 * Where the queues of the locks are. A request has one ticket for all of its keys; it waits while an earlier one is in its
 * way on any of them. Whoever is asked forgets whom it has not heard of for the lease (`isUnknown`), and never says that a
 * lock is held before it has a fence above all earlier ones of the key.
 */
export interface Backend {
  /** Makes a process known, and tells it what is meant for it. */
  join(name: string, hints: Hints): Promise<Joined>
  /** A row for each record, numbered from 1. */
  request(owner: string, records: readonly RequestRecord[], flight: number): Promise<RequestRow[]>
  /** Gives those that stay: a guarded write of theirs is under way. */
  release(owner: string, tickets: readonly string[]): Promise<string[]>
  /** Gives those of `held` that are gone; lets go what is not known. */
  beat(owner: string, heartbeat: Heartbeat): Promise<string[]>
  look(owner: string, tickets: readonly string[]): Promise<LookRow[]>
  /** Tickets that wait in a circle with this one. */
  findCircle(ticket: string): Promise<string[] | null>
  /** @throws SQLSTATE HF022 when it is not held with this fence */
  guard(tx: Queryable, lock: Guarded): Promise<void>
  list(key: string | null, most: number): Promise<OverviewRow[]>
  /** What dead processes have left. */
  sweep(most: number): Promise<void>
  /** Whether an error says that the process was declared dead. */
  isUnknown(error: unknown): boolean
}
