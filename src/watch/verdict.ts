import type { RouteLatency, Shares, StatementLatency, WatchVerdict } from './inspect-types.js'
import { cut, formatMs } from './words.js'

/** Below this a percentile is one request's. */
const FEW = 20
const MOST_SIGNS = 6
const NOTABLE_LOOP = 0.25

interface Sign {
  severity: 'watch' | 'act'
  sentence: string
  fix: string
}

/** Is anything slow that was not, failing, or asked for one by one? What needs somebody now comes first. */
export function judgeWatch(routes: readonly RouteLatency[], statements: readonly StatementLatency[]): WatchVerdict {
  const signs = [
    ...routes.flatMap((route) => findSlower(route, statements)),
    ...routes.flatMap(findFailing),
    ...statements.flatMap(findRepeated),
  ].toSorted((a, b) => Number(b.severity === 'act') - Number(a.severity === 'act'))
  const [first, ...others] = signs
  if (first) return { ...first, also: others.slice(0, MOST_SIGNS - 1).map(({ sentence }) => sentence) }
  return { severity: 'ok', also: [], ...describeCalm(routes) }
}

/** The same measure as the page Now: half as slow again and noticeable. */
export function isSlower({ latency, before, requests }: RouteLatency, p95 = latency.p95): boolean {
  return before !== null && requests >= FEW && p95 >= before.p95 * 1.5 && p95 >= before.p95 + 20
}

/** All but the first requests of a process may be as fast as they were. */
function isColdAlone(route: RouteLatency): boolean {
  return route.cold.slowCold > 0 && !isSlower(route, route.cold.p95Without)
}

function findSlower(route: RouteLatency, statements: readonly StatementLatency[]): Sign[] {
  const { latency, before } = route
  if (before === null || !isSlower(route)) return []
  if (isColdAlone(route)) return [describeCold(route, before.p95)]
  const isDoubled = latency.p95 >= before.p95 * 2 && latency.p95 >= before.p95 + 50
  const [part, share] = findLargest(route.shares)
  const culprit = part === 'sql' ? findCulprit(route, statements) : undefined
  const above = culprit ? `, above all ${cut(culprit.text)} (P95 ${formatMs(culprit.latency.p95)})` : ''
  const late = part !== 'loop' && route.shares.loop >= NOTABLE_LOOP ? `; ${describeLoop(route.shares.loop)}` : ''
  const sentence = `P95 of ${name(route)} is ${formatMs(latency.p95)}, it was ${formatMs(before.p95)}: ${Math.round(share * 100)} % of its time is ${parts[part].what}${above}${late}.`
  return [{ severity: isDoubled ? 'act' : 'watch', sentence, fix: parts[part].fix }]
}

/** It overlaps the others: what seems to be the database may be an answer that lay there, unread. */
const describeLoop = (share: number): string => `the event loop was late for ${Math.round(share * 100)} % of it`

/** Never more than `watch`: it ends by itself, and comes back with the next start. */
function describeCold(route: RouteLatency, was: number): Sign {
  const { latency, cold } = route
  const { slow, slowCold } = cold
  const amount = slow === slowCold ? `all ${slow} requests` : `up to ${slowCold} of the ${slow} requests`
  const without = cold.p95Without === 0 ? '' : `; without them P95 is ${formatMs(cold.p95Without)}`
  const sentence = `P95 of ${name(route)} is ${formatMs(latency.p95)}, it was ${formatMs(was)}: ${amount} that are slower than that can have been among the first of a process${without}.`
  const fix = 'Warm a process up before it gets requests: open the pool and run the first statements once.'
  return { severity: 'watch', sentence, fix }
}

const parts = {
  pool: {
    what: 'waiting for a connection',
    fix: 'Find out who holds connections (page Now); do what waits for others outside of transactions.',
  },
  sql: {
    what: 'statements',
    fix: 'Look at the plan of the statement, with the values of a slow request: `explain (analyze, buffers)`.',
  },
  outbound: {
    what: 'other services',
    fix: 'Look at the service that it calls; give the call a deadline, and make it a job where nobody waits for it.',
  },
  loop: {
    what: 'the event loop, which was late',
    fix: 'Look for work that blocks the event loop (the page Now shows its delay); move it into a worker.',
  },
  rest: {
    what: 'its own code, or what else it waits for',
    fix: 'Look for what it awaits beside the database, and at what it computes: `node --cpu-prof`.',
  },
} as const

function findLargest(shares: Shares): [keyof Shares, number] {
  const sorted = (Object.entries(shares) as [keyof Shares, number][]).toSorted(([, a], [, b]) => b - a)
  return sorted[0] as [keyof Shares, number]
}

function findCulprit({ route, segment }: RouteLatency, statements: readonly StatementLatency[]) {
  return statements
    .filter((each) => each.route === route && each.segment === segment)
    .toSorted((a, b) => b.share - a.share)[0]
}

function findFailing(route: RouteLatency): Sign[] {
  const { requests, errors } = route
  if (requests < FEW || errors < requests * 0.01) return []
  const fix = 'Look for its errors in the log; each line has the id of its request.'
  const sentence = `${errors} of ${requests} requests to ${name(route)} failed.`
  return [{ severity: errors >= requests * 0.05 ? 'act' : 'watch', sentence, fix }]
}

/** One by one: each of them is quick, and all of them together are the request. */
function findRepeated(statement: StatementLatency): Sign[] {
  const { callsPerRequest, share, calls, text } = statement
  if (callsPerRequest < 10 || share < 0.3 || calls < FEW) return []
  const sentence = `${name(statement)} runs one statement ${Math.round(callsPerRequest)} times in a request: ${cut(text)}.`
  const fix = 'Ask for all of them at once: `where id = any($1)`, or a join.'
  return [{ severity: 'watch', sentence, fix }]
}

function describeCalm(routes: readonly RouteLatency[]): Pick<WatchVerdict, 'sentence' | 'fix'> {
  const slowest = routes.toSorted((a, b) => b.latency.p95 - a.latency.p95)[0]
  if (slowest === undefined)
    return {
      sentence: 'No request was seen in this time.',
      fix: 'Call `watch(db)` of holdfast/watch where your application starts, or look at a longer time.',
    }
  const compared = routes.some(({ before }) => before !== null)
  const calm = compared
    ? 'No route is slower than it was'
    : 'Nothing is wrong; there is no earlier time to compare with'
  return { sentence: `${calm}. The slowest is ${name(slowest)}, with a P95 of ${formatMs(slowest.latency.p95)}.` }
}

const name = ({ route, segment }: { route: string; segment: string }): string =>
  segment === '' ? route : `${route} of ${segment}`
