import { cutText } from './cut-text.js'
import type { Amount, CircleMember, KeyState, LocksOverview, LocksVerdict, SessionState } from './inspect-types.js'

/** Waited for so long, something stands still. */
const LONG_MS = 5_000
const MANY_WAITERS = 20
/** Those who wait look each second, and take out one that has lapsed. */
const LAPSED_MS = 2_000
const MOST_SIGNS = 6
const MOST_NAME_CHARS = 60

interface Sign {
  severity: 'watch' | 'act'
  sentence: string
  fix: string
}

type Facts = Omit<LocksOverview, 'verdict'>

/** Is anything wrong with locks? What needs somebody now comes first. */
export function judgeLocks(facts: Facts): LocksVerdict {
  const signs = [
    ...facts.circles.map(describeCircle),
    ...facts.keys.flatMap(findLapsed),
    ...facts.sessions.flatMap(findBlocker),
    ...facts.keys.flatMap(findContended),
    ...findMissing(facts),
  ]
  const [first, ...others] = signs.toSorted((a, b) => Number(b.severity === 'act') - Number(a.severity === 'act'))
  if (first === undefined) return { severity: 'ok', sentence: describeCalm(facts), also: [] }
  return { ...first, also: others.slice(0, MOST_SIGNS - 1).map(({ sentence }) => sentence) }
}

function describeCircle(circle: readonly CircleMember[]): Sign {
  const members = circle.slice(0, 4).map(({ owner, holds, wants }) => {
    return `${showOwner(owner)} holds ${showKeys(holds)} and wants ${showKeys(wants)}`
  })
  if (circle.length > members.length) members.push(`and ${circle.length - members.length} more`)
  return {
    severity: 'act',
    sentence: `${circle.length} requests wait for each other in a circle: ${members.join('; ')}.`,
    fix: 'Ask for all keys in one call, or always in the same order. The youngest is ended within two seconds; a circle that stays has a process in it that is stopped: end that one.',
  }
}

function findLapsed({ key, holder, waiting }: KeyState): Sign[] {
  if (holder === null || !holder.isLapsed || waiting.count === 0) return []
  const { owner, leaseLeftMs } = holder
  if (leaseLeftMs !== null && leaseLeftMs > -LAPSED_MS) return []
  const since = leaseLeftMs === null ? 'lapsed' : `lapsed ${formatAge(-leaseLeftMs)} ago`
  const wait = waiting.count === 1 ? '1 request waits' : `${formatAmount(waiting)} requests wait`
  return [
    {
      severity: 'act',
      sentence: `The lease of ${showOwner(owner)} on ${showName(key)} ${since}, and ${wait} for it.`,
      fix: 'A write that it guards is still open, or those who wait are stopped: end that transaction (`select pg_terminate_backend(pid)`), or start the waiting processes again.',
    },
  ]
}

function findBlocker(session: SessionState): Sign[] {
  const { depth, blocks, longestBlockedMs, state } = session
  if (depth > 0 || blocks === 0 || longestBlockedMs <= LONG_MS) return []
  const isIdle = state?.startsWith('idle in transaction') === true
  const sessions = blocks === 1 ? 'blocks 1 session' : `blocks ${blocks} sessions`
  return [
    {
      severity: isIdle ? 'act' : 'watch',
      sentence: `${describeSession(session)} and ${sessions}, for up to ${formatAge(longestBlockedMs)}.`,
      fix: isIdle ? describeIdleFix(session) : describeBusyFix(session),
    },
  ]
}

function describeSession({ pid, application, state, stateMs }: SessionState): string {
  if (pid === 0) return 'A prepared transaction is open'
  const who = `${showName(application)} (pid ${pid})`
  if (state === null) return `${who} is in a state that this role may not see`
  const since = stateMs === null ? '' : ` for ${formatAge(stateMs)}`
  return state === 'active' ? `${who} runs a statement${since}` : `${who} is ${state}${since}`
}

function describeIdleFix({ pid }: SessionState): string {
  return `Find what keeps the transaction open after its last statement (a call to another service, a lost connection); \`select pg_terminate_backend(${pid})\` ends it now, \`idle_in_transaction_session_timeout\` the next one.`
}

function describeBusyFix({ pid, state }: SessionState): string {
  if (pid === 0) return 'Look at `select * from pg_prepared_xacts`, and commit it or roll it back.'
  if (state === null) return 'Look at it as a superuser, or `grant pg_read_all_stats` to this role.'
  return `Let it end, or \`select pg_cancel_backend(${pid})\`; a change of a table's shape sets \`lock_timeout\` first.`
}

function findContended({ key, holder, waiting, longestWaitMs }: KeyState): Sign[] {
  if ((longestWaitMs ?? 0) <= LONG_MS && waiting.count < MANY_WAITERS) return []
  const wait = waiting.count === 1 ? '1 request waits' : `${formatAmount(waiting)} requests wait`
  const since = holder === null ? '' : `; ${showOwner(holder.owner)} has held it for ${formatAge(holder.heldMs)}`
  return [
    {
      severity: 'watch',
      sentence: `${wait} for ${showName(key)}, for up to ${formatAge(longestWaitMs ?? 0)}${since}.`,
      fix: 'Look at what its holder does: move out of the lock what does not need it, or name smaller things by the key.',
    },
  ]
}

function findMissing({ isInstalled, late }: Facts): Sign[] {
  const signs: Sign[] = []
  if (!isInstalled)
    signs.push({
      severity: 'watch',
      sentence: 'The tables of locks are not in this database, are of another release, or this role may not read them.',
      fix: 'Run `holdfast migrate` as the owner, with `--grant-to` the role of the application.',
    })
  if (late.length > 0)
    signs.push({
      severity: 'watch',
      sentence: `Not everything is shown: reading ${late.join(' and ')} took too long.`,
      fix: 'The server is busy, or there are very many requests; ask again.',
    })
  return signs
}

function describeCalm({ held, waiting, blocked, keys, sessions }: Facts): string {
  const holding = held.count === 1 && !held.isMore ? '1 lock is held' : `${formatAmount(held)} locks are held`
  if (waiting.count + blocked.count === 0)
    return held.count === 0 ? 'No lock is waited for.' : `No lock is waited for; ${holding}.`
  const longest = Math.max(...keys.map((key) => key.longestWaitMs ?? 0), ...sessions.map((each) => each.waitedMs ?? 0))
  const wait = `obody waits for more than ${Math.ceil(longest / 1_000) || 1} s.`
  return held.count === 0 ? `N${wait}` : `${holding}, n${wait}`
}

function showOwner(owner: string | null): string {
  return owner === null ? 'a process that is gone' : showName(owner)
}

function showKeys(keys: readonly string[]): string {
  return keys.length === 0 ? 'nothing' : keys.map(showName).join(' and ')
}

/** A key may be long: a sentence stays one. */
function showName(name: string): string {
  return cutText(name, MOST_NAME_CHARS)
}

function formatAmount({ count, isMore }: Amount): string {
  return `${count.toLocaleString('en-US')}${isMore ? '+' : ''}`
}

function formatAge(ms: number): string {
  const seconds = Math.round(Math.max(ms, 0) / 1_000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60).toLocaleString('en-US')} h`
}
