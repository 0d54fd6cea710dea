import type { Finding } from '../findings.js'
import { overflow, requestsOf, several, type Statement } from '../parser.js'
import { readLookup, type Lookup } from './lookup.js'

/** What a request ran, in its order. */
export interface RepeatSighting {
  statement: Statement
  ms: number
  /** When it ended, on one clock for all. Without it, whether they ran one after the other is judged by their sum. @unit ms */
  endedAt?: number
}

/** A statement that one request ran again and again. */
export interface Repeat {
  statement: Statement
  calls: number
  /** Of all its calls. @unit ms */
  totalMs: number
  /** Each began when the one before had ended: their round trips add up. */
  isSequential: boolean
  /** What it looks up, and by which column. */
  lookup: Lookup
}

const LEAST_CALLS = 10
/** What brings no data: a session's own, whatever a transaction consists of. */
const ofSession =
  /^(begin|commit|rollback|start|savepoint|release|set|show|discard|listen|unlisten|notify|select set_config)\b/i

/**
 * Statements that a request ran at least ten times, those that took longest first. Called at a request's end; a request of
 * few statements costs a comparison.
 *
 * @param requestMs How long the request took.
 */
export function findRepeats(
  sightings: readonly RepeatSighting[],
  requestMs: number,
  leastCalls = LEAST_CALLS,
): Repeat[] {
  if (sightings.length < leastCalls) return []
  const calls = new Map<Statement, number>()
  for (const { statement } of sightings) calls.set(statement, (calls.get(statement) ?? 0) + 1)
  const repeats: Repeat[] = []
  for (const [statement, amount] of calls) {
    if (amount < leastCalls || !isOfInterest(statement)) continue
    const own = sightings.filter((sighting) => sighting.statement === statement)
    const totalMs = own.reduce((sum, { ms }) => sum + ms, 0)
    const isSequential = isInTurn(own) ?? totalMs <= requestMs
    repeats.push({ statement, calls: amount, totalMs, isSequential, lookup: readLookup(statement) })
  }
  return repeats.sort((a, b) => b.totalMs - a.totalMs)
}

function isOfInterest(statement: Statement): boolean {
  const { text } = statement
  if (statement === requestsOf || statement === overflow || statement === several) return false
  return !ofSession.test(text) && !text.includes('holdfast.')
}

/** Undefined where it was not told when they ended. Most of them decide: a loop may be started twice. */
function isInTurn(own: readonly RepeatSighting[]): boolean | undefined {
  if (own.some(({ endedAt }) => endedAt === undefined)) return undefined
  const spans = own
    .map(({ endedAt, ms }) => ({ from: (endedAt as number) - ms, until: endedAt as number }))
    .sort((a, b) => a.from - b.from)
  let overlaps = 0
  for (const [place, { from }] of spans.entries())
    if (place > 0 && from < (spans[place - 1] as { until: number }).until - 0.1) overlaps++
  return 2 * overlaps < spans.length
}

const ACT_CALLS = 50

/** As a finding, of the route that it happened on. */
export function describeRepeat(repeat: Repeat, route: string, requestMs: number): Finding {
  const { statement, calls, totalMs, isSequential, lookup } = repeat
  const { table, key, relation, orm, isWriting } = lookup
  const share = requestMs > 0 ? Math.min(1, totalMs / requestMs) : 0
  const what = relation ?? (table === undefined ? 'one statement' : key === undefined ? table : `${table} by ${key}`)
  const when = isSequential ? 'one after the other' : 'several at once'
  const ofWhom = orm === undefined ? '' : `, as ${orm} loads a relation`
  return {
    kind: 'repeated-statement',
    severity: calls >= ACT_CALLS && isSequential && share >= 0.5 ? 'act' : 'watch',
    subject: relation ?? '',
    statement: statement.id,
    route,
    sentence:
      `A request ran one statement ${calls} times, ${when}: ${what}${ofWhom}. ` +
      `That took ${round(totalMs)} ms${isSequential && share > 0 ? ` of its ${round(requestMs)} ms` : ''}.`,
    evidence: {
      calls,
      total_ms: round(totalMs),
      request_ms: round(requestMs),
      is_sequential: isSequential,
      table: table ?? null,
      key: key ?? null,
      relation: relation ?? null,
    },
    fix: adviseRepeat(lookup, isWriting),
    prove: 'holdfast prove n-plus-one',
  }
}

function adviseRepeat({ table, key, hasLimit, orm }: Lookup, isWriting: boolean): string {
  const name = table ?? 'the table'
  if (isWriting) return `Write all rows of ${name} in one statement, from unnest($1::…[], …) as rows.`
  const load = orm === undefined ? '' : ` In ${orm} load the relation with its parents instead of one by one.`
  if (key === undefined) return `Load what all of them need in one statement, before the loop.${load}`
  if (hasLimit)
    return `Load them in one statement: from unnest($1::…[]) as p(id) cross join lateral (select … from ${name} where ${key} = p.id limit …) as c.${load}`
  return `Load them in one statement: where ${key} = any($1), with the keys as an array, and group the rows by ${key}.${load}`
}

function round(ms: number): number {
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)
}
