import type { CoreFinding } from '../core/index.js'
import type { NowDocument, RouteRow, Second, Severity, Verdict } from './contract.js'

type PoolNow = NowDocument['pool']

interface Sign {
  severity: Exclude<Severity, 'ok'>
  sentence: string
  fix: string
}

const minRequests = 20
const recentSeconds = 10
/** How long a broken deadlock stays on top of the page. */
const deadlockMs = 5 * 60_000

/**
 * Answers "is anything wrong?" in one sentence. Signs that need somebody now come before those worth a look, and within
 * each the cause before its symptoms: a starved pool also shows as slow routes. Default for `overall`: derived from `routes`.
 */
export function judge(
  seconds: readonly Second[],
  routes: readonly RouteRow[],
  pool: PoolNow,
  overall?: Pick<RouteRow, 'perSecond' | 'p95'>,
  findings: readonly CoreFinding[] = [],
): Verdict {
  const recent = seconds.slice(-recentSeconds)
  const signs = [
    ...findDeadlocks(findings),
    ...findTimeouts(recent, pool),
    ...findWaiting(recent, pool),
    ...findBlockedLoop(recent),
    ...findErrors(routes),
    ...findSlowdowns(routes),
    ...findNesting(findings),
  ]
  const ranked = [
    ...signs.filter((sign) => sign.severity === 'act'),
    ...signs.filter((sign) => sign.severity === 'watch'),
  ]
  const [first, ...others] = ranked
  if (first === undefined) return { severity: 'ok', sentence: describeCalm(seconds, routes, pool, overall), also: [] }
  return { ...first, also: others.map((sign) => sign.sentence) }
}

/** A deadlock that was broken cost a request; it will happen again at the next rush. */
function findDeadlocks(findings: readonly CoreFinding[]): Sign[] {
  const latest = newest(findings, 'HF_POOL_DEADLOCK')
  if (latest === undefined || Date.now() - latest.lastAt > deadlockMs) return []
  return [{ severity: 'act', sentence: latest.message, fix: latest.fix }]
}

/** Not hanging yet: it will, once as many requests do it at once as the pool has connections. */
function findNesting(findings: readonly CoreFinding[]): Sign[] {
  const latest = newest(findings, 'HF_POOL_NESTED_CHECKOUT')
  return latest === undefined ? [] : [{ severity: 'watch', sentence: latest.message, fix: latest.fix }]
}

function newest(findings: readonly CoreFinding[], code: string): CoreFinding | undefined {
  return findings.filter((each) => each.code === code).toSorted((a, b) => b.lastAt - a.lastAt)[0]
}

function findTimeouts(recent: readonly Second[], pool: PoolNow): Sign[] {
  const timeouts = sum(recent, (second) => second.poolTimeouts)
  if (timeouts === 0) return []
  const who = timeouts === 1 ? '1 caller' : `${timeouts} callers`
  return [
    {
      severity: 'act',
      sentence: `${who} gave up waiting for a connection in the last ${recent.length} seconds; the pool has ${pool.max}.`,
      fix: 'Find what holds connections: a long transaction, or a network call awaited inside one; raise `pool.max` only after that.',
    },
  ]
}

/** One second of a queue is a burst and worth a look; three of the last five are a pool that cannot keep up. */
function findWaiting(recent: readonly Second[], pool: PoolNow): Sign[] {
  const last = recent.slice(-5)
  const starved = last.filter((second) => second.poolWaiting > 0 && second.poolBusy >= pool.max)
  if (starved.length === 0) return []
  const waiting = Math.max(...starved.map((second) => second.poolWaiting))
  const wait = formatMs(Math.max(...starved.map((second) => second.acquireP95)))
  const who = waiting === 1 ? '1 caller was' : `Up to ${waiting} callers were`
  return [
    {
      severity: starved.length >= 3 ? 'act' : 'watch',
      sentence: `${who} waiting for a connection while all ${pool.max} were busy (acquire wait P95 ${wait}).`,
      fix: 'Shorten transactions and move network calls out of them; if statements are fast and the wait stays, raise `pool.max`.',
    },
  ]
}

function findBlockedLoop(recent: readonly Second[]): Sign[] {
  const worst = recent.reduce<Second | undefined>(
    (max, now) => (now.loopMax > (max?.loopMax ?? 0) ? now : max),
    undefined,
  )
  if (worst === undefined || worst.loopMax <= 50) return []
  // A single collection of garbage passes 50 ms; only a repeated delay of that size is worth a look.
  const repeated = recent.filter((second) => second.loopMax > 50).length
  if (worst.loopMax <= 200 && repeated < 3) return []
  return [
    {
      severity: worst.loopMax > 200 ? 'act' : 'watch',
      sentence: `The event loop was blocked for ${formatMs(worst.loopMax)}: every request in this process waits meanwhile.`,
      fix: 'Find the synchronous work (start the process with `node --cpu-prof`) and move it off the loop; if there is none, the machine is short of CPU.',
    },
  ]
}

function findErrors(routes: readonly RouteRow[]): Sign[] {
  const failing = routes.filter((row) => row.recent >= minRequests && row.errorShare >= 0.01)
  const worst = failing.reduce<RouteRow | undefined>(
    (max, row) => (row.errorShare > (max?.errorShare ?? 0) ? row : max),
    undefined,
  )
  if (worst === undefined) return []
  const failed = Math.round(worst.recent * worst.errorShare)
  return [
    {
      severity: worst.errorShare >= 0.05 ? 'act' : 'watch',
      sentence: `${worst.route} failed ${failed} of ${worst.recent} times (${formatShare(worst.errorShare)}) in the last 10 seconds.`,
      fix: "Look up the failing request ids of this route in this process's log.",
    },
  ]
}

function findSlowdowns(routes: readonly RouteRow[]): Sign[] {
  let worst: { row: RouteRow; before: number } | undefined
  for (const row of routes) {
    const before = row.p95Before
    if (before === null || row.recent < minRequests) continue
    if (row.p95 < before * 1.5 || row.p95 < before + 20) continue
    if (worst === undefined || row.p95 - before > worst.row.p95 - worst.before) worst = { row, before }
  }
  if (worst === undefined) return []
  const { row, before } = worst
  const isDoubled = row.p95 >= before * 2 && row.p95 >= before + 50
  return [
    {
      severity: isDoubled ? 'act' : 'watch',
      sentence: `${row.route} became slower: P95 ${formatMs(before)} in the minute before, ${formatMs(row.p95)} now.`,
      fix: 'Compare its statements with a minute ago: a lock, a changed plan, or more rows than before.',
    },
  ]
}

function describeCalm(
  seconds: readonly Second[],
  routes: readonly RouteRow[],
  pool: PoolNow,
  overall: Pick<RouteRow, 'perSecond' | 'p95'> | undefined,
): string {
  if (seconds.length === 0) return 'Measuring: the first figures come within a second.'
  if (sum(seconds.slice(-60), (second) => second.requests) === 0) return 'No requests in the last minute.'
  const perSecond = overall?.perSecond ?? routes.reduce((total, row) => total + row.perSecond, 0)
  if (perSecond === 0) return 'Nothing is wrong: no requests in the last 10 seconds.'
  const p95 = overall?.p95 ?? Math.max(...routes.map((row) => row.p95))
  const busy = seconds.at(-1)?.poolBusy ?? pool.busy
  return `Nothing is wrong: ${formatRate(perSecond)} requests/s, P95 ${formatMs(p95)}, ${busy} of ${pool.max} connections busy.`
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

/** `12 ms`, `1.4 ms`, `1,204 ms`. */
function formatMs(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`
  return `${Math.round(ms).toLocaleString('en-US')} ms`
}

function formatRate(perSecond: number): string {
  return perSecond < 10 ? String(Math.round(perSecond * 10) / 10) : Math.round(perSecond).toLocaleString('en-US')
}

function formatShare(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
