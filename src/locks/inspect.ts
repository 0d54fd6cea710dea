import { isHoldfastError, readSqlstate } from '../core/index.js'
import { arrangeSessions, type FoundSession } from './blocking-tree.js'
import * as store from './inspect-store.js'
import type {
  Amount,
  CircleMember,
  HolderState,
  KeyState,
  LocksOverview,
  LocksPart,
  OpenedKey,
  SessionState,
} from './inspect-types.js'
import { stripLiterals } from './strip-literals.js'
import { judgeLocks } from './verdict.js'

const MOST_COUNTED = 1_000
const MOST_OPENED = 20
const MOST_SESSIONS = 50
/** No such table, schema, function or column, or no right to read it. */
const NOT_THERE = new Set(['42P01', '3F000', '42883', '42703', '42501'])

export interface InspectLocksOptions {
  /** The first holders and waiters of this key are shown too. */
  key?: string
}

type Facts = Omit<LocksOverview, 'verdict'>

/**
 * What is wrong with locks and why: named ones, circles, and sessions that wait in PostgreSQL. Two short statements, three
 * with a key, one more where a circle is possible; each has a deadline of a second or less. It works without holdfast's tables.
 */
export async function inspectLocks(db: store.Asked, { key }: InspectLocksOptions = {}): Promise<LocksOverview> {
  const late: LocksPart[] = []
  const sessions = await lookAtSessions(db, late)
  const facts: Facts = { late, ...sessions, ...(await lookAtKeys(db, key ?? null, late)) }
  return { verdict: judgeLocks(facts), ...facts }
}

async function lookAtSessions(db: store.Asked, late: LocksPart[]): Promise<Pick<Facts, 'blocked' | 'sessions'>> {
  const rows = await skipLate('sessions', late, [], async () => await store.listSessions(db))
  return { blocked: count(rows[0]?.waiting_in_all ?? 0), sessions: showSessions(rows) }
}

async function lookAtKeys(
  db: store.Asked,
  key: string | null,
  late: LocksPart[],
): Promise<Omit<Facts, 'late' | 'blocked' | 'sessions'>> {
  try {
    const rows = await skipLate('keys', late, [], async () => await store.listKeys(db, key))
    const [{ looked, held, waiting_in_all: waiting, nested } = nothing] = rows
    const circles = await skipLate('circles', late, [], async () => await findCircles(db, nested))
    return {
      isInstalled: true,
      isPartial: looked >= 2 * store.LOOKED_AT,
      held: count(held),
      waiting: count(waiting),
      keys: rows.flatMap(showKey),
      opened: key === null ? null : await skipLate('keys', late, null, async () => await openKey(db, key)),
      circles,
    }
  } catch (error) {
    if (!NOT_THERE.has(readSqlstate(error) ?? '')) throw error
    return { isInstalled: false, isPartial: false, held: none, waiting: none, keys: [], opened: null, circles: [] }
  }
}

const nothing = { looked: 0, held: 0, waiting_in_all: 0, nested: [] as string[] }
const none: Amount = { count: 0, isMore: false }

/** One part that the server is too busy for does not hide the others. */
async function skipLate<T>(part: LocksPart, late: LocksPart[], instead: T, look: () => Promise<T>): Promise<T> {
  try {
    return await look()
  } catch (error) {
    if (!isHoldfastError(error, 'HF_QUERY_DEADLINE')) throw error
    if (!late.includes(part)) late.push(part)
    return instead
  }
}

function count(amount: number): Amount {
  return { count: Math.min(amount, MOST_COUNTED), isMore: amount > MOST_COUNTED }
}

function showKey(row: store.KeyRow): KeyState[] {
  if (row.key === null) return []
  const { key, holders, waiting, longest_ms: longestWaitMs } = row
  return [{ key, holder: showHolder(row), holders: count(holders), waiting: count(waiting), longestWaitMs }]
}

function showHolder({
  fence,
  owner,
  label,
  is_shared: isShared,
  held_ms: heldMs,
  left_ms: leaseLeftMs,
}: Pick<store.KeyRow, 'fence' | 'owner' | 'label' | 'is_shared' | 'held_ms' | 'left_ms'>): HolderState | null {
  if (fence === null) return null
  const mode = isShared === true ? 'shared' : 'exclusive'
  return { owner, label, mode, fence, heldMs: heldMs ?? 0, leaseLeftMs, isLapsed: (leaseLeftMs ?? 0) <= 0 }
}

async function openKey(db: store.Asked, key: string): Promise<OpenedKey | null> {
  const rows = await store.listEntries(db, key, MOST_OPENED)
  if (rows.length === 0) return null
  const waiters = rows
    .filter(({ fence }) => fence === null)
    .map(({ owner, label, is_shared: isShared, amount, waited_ms: waitedMs, left_ms: leftMs }) => ({
      owner,
      label,
      mode: isShared ? ('shared' as const) : ('exclusive' as const),
      waitedMs,
      keys: amount,
      isLapsed: (leftMs ?? 0) <= 0,
    }))
  return { key, holders: rows.map(showHolder).filter((holder) => holder !== null), waiters }
}

async function findCircles(db: store.Asked, nested: readonly string[]): Promise<CircleMember[][]> {
  // One alone waits for no scope.
  if (nested.length < 2) return []
  const circles = new Map<string, CircleMember[]>()
  for (const { circle, ...member } of await store.listCircles(db, nested))
    circles.set(circle, [...(circles.get(circle) ?? []), member])
  return [...circles.values()]
}

function showSessions(rows: readonly store.SessionRow[]): SessionState[] {
  return arrangeSessions(rows.map(showSession), MOST_SESSIONS)
}

function showSession(row: store.SessionRow): FoundSession {
  const { pid, type, mode, relation } = row
  return {
    pid,
    application: pid === 0 ? 'prepared transaction' : row.application,
    state: row.state,
    stateMs: row.state_ms,
    transactionMs: row.transaction_ms,
    waitedMs: row.waited_ms,
    lock: type === null || mode === null ? null : { type, mode, relation },
    blockedBy: row.blocked_by,
    query: row.query === null || row.is_hidden ? null : stripLiterals(row.query) || null,
  }
}
