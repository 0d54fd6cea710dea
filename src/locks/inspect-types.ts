import type { LockMode } from './types.js'

/** Nothing is counted further than 1 000. */
export interface Amount {
  count: number
  /** There are more than `count`. */
  isMore: boolean
}

export interface HolderState {
  /** Null: the database does not know its process any more. */
  owner: string | null
  label: string | null
  mode: LockMode
  fence: string
  /** @unit ms */
  heldMs: number
  /** Until the lease ends unless the holder gives another sign of life; below 0 it has lapsed. Null with `owner`. @unit ms */
  leaseLeftMs: number | null
  isLapsed: boolean
}

export interface WaiterState {
  owner: string | null
  label: string | null
  mode: LockMode
  /** @unit ms */
  waitedMs: number
  /** Keys that it asks for together. */
  keys: number
  /** Its process has died: it holds up nobody. */
  isLapsed: boolean
}

export interface KeyState {
  key: string
  /** One of them: whose lease has lapsed, else the first. Null: its first waiter waits for other keys too. */
  holder: HolderState | null
  holders: Amount
  /** Those whose process lives. */
  waiting: Amount
  /** @unit ms */
  longestWaitMs: number | null
}

/** The first 20 of each, in the order of the tickets. */
export interface OpenedKey {
  key: string
  holders: HolderState[]
  waiters: WaiterState[]
}

export interface CircleMember {
  owner: string | null
  label: string | null
  /** What it asked for, at most five. */
  wants: string[]
  /** In whose scope it asked, at most five. */
  holds: string[]
}

/** A session that waits for a lock of PostgreSQL, or makes others wait. */
export interface SessionState {
  /** 0: a prepared transaction. */
  pid: number
  application: string
  /** As `pg_stat_activity` has it; null: this role may not see it. */
  state: string | null
  /** Since it is in this state. @unit ms */
  stateMs: number | null
  /** Of its transaction. @unit ms */
  transactionMs: number | null
  /** Null: it does not wait. @unit ms */
  waitedMs: number | null
  lock: { type: string; mode: string; relation: string | null } | null
  blockedBy: number[]
  /** How many wait behind it, directly or not. */
  blocks: number
  /** The longest of those waits. @unit ms */
  longestBlockedMs: number
  /** In the tree; 0: nobody is in its way. */
  depth: number
  /** Without literals, 120 characters at most; null: it has none, or this role may not see it. */
  query: string | null
}

export interface LocksVerdict {
  severity: 'ok' | 'watch' | 'act'
  /** One plain sentence with its numbers. */
  sentence: string
  fix?: string
  /** Other signs, most urgent first. */
  also: string[]
}

export type LocksPart = 'keys' | 'circles' | 'sessions'

export interface LocksOverview {
  verdict: LocksVerdict
  /** False: the tables of locks are not there, are of another release, or this role may not read them. */
  isInstalled: boolean
  /** Parts that took too long, and are not shown. */
  late: LocksPart[]
  /** Keys that somebody holds. */
  held: Amount
  /** Requests that wait. */
  waiting: Amount
  /** There are so many requests that only the oldest and the newest were looked at. */
  isPartial: boolean
  /** The most contended first, at most 50. */
  keys: KeyState[]
  /** Of the key that was asked for; null: none was, or nobody holds it or waits for it. */
  opened: OpenedKey | null
  /** Each waits for the next one, the last for the first. */
  circles: CircleMember[][]
  /** Sessions of this database that wait. */
  blocked: Amount
  /** A tree, at most 50: each is followed by those who wait for it. */
  sessions: SessionState[]
}
