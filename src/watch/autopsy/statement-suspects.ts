import { listGrowth } from '../plans/describe.js'
import { formatBytes } from '../plans/reasons.js'
import { accuse, judgeShare, listFacts, shareOfRise, type Case, type Culprit } from './case.js'
import { ofRise } from './request-suspects.js'
import type { StatementHalves, StatementPart } from './parts.js'
import type { SeenFindingRow } from './store.js'
import type { Suspect, SuspectName } from './types.js'
import { cut, formatAmount, formatMs, round } from '../words.js'

const ofStatement: readonly SuspectName[] = ['plan', 'more-rows', 'growth', 'statistics']

/** Suspects among the statements of the route, and what made the worst of them slower. */
export function questionStatements(facts: Case): Suspect[] {
  const locks = accuse(
    'locks',
    'unknown',
    'Who waited for whose locks was not recorded; `holdfast locks` shows it now.',
  )
  if (facts.statements === undefined) {
    const unread = 'Statements could not be read.'
    const names: SuspectName[] = [...ofStatement, 'more-statements', 'statement']
    return [...names.map((suspect) => accuse(suspect, 'unknown', unread)), locks]
  }
  const { culprit } = facts
  const statement = suspectStatement(facts)
  const repeated = suspectRepetition(facts)
  if (culprit === undefined || statement.verdict === 'eliminated') {
    const fine = 'Statements do not account for it.'
    const verdict = statement.verdict === 'eliminated' ? 'eliminated' : 'unknown'
    return [
      ...ofStatement.map((suspect) => accuse(suspect, verdict, fine)),
      repeated,
      statement,
      accuse('locks', verdict, fine),
    ]
  }
  const share = statement.share ?? null
  const slower = [
    suspectPlan(culprit, share),
    suspectRows(culprit, share),
    suspectGrowth(culprit, share),
    suspectStatistics(culprit, share),
  ]
  return [...slower, repeated, statement, locks]
}

/** By the time that it adds to a mean request. */
export function findCulprit({ statements = [], before, after }: Pick<Case, 'statements' | 'before' | 'after'>) {
  const added = (each: StatementHalves) =>
    each.after.totalMs / Math.max(1, after.requests) - each.before.totalMs / Math.max(1, before.requests)
  const worst = statements.toSorted((a, b) => added(b) - added(a))[0]
  return worst && added(worst) > 0 ? worst : undefined
}

/** Slower by itself: what it would add if it were called as often as before. */
function suspectStatement(facts: Case): Suspect {
  const { culprit } = facts
  if (culprit === undefined)
    return accuse('statement', 'eliminated', 'No statement of it takes more of a request than before.', {}, 0)
  const { statement, durations } = culprit
  const { before, after, text } = statement
  if (before.calls === 0) {
    const sentence = `${cut(text)} did not run before: there is nothing to compare its duration with.`
    return accuse('statement', 'unknown', sentence, { statement: statement.id })
  }
  const share = shareOfRise(facts, before.totalMs, callsLike(facts, statement) * perCall(after))
  const [was, is] = durations
    ? [durations.before.percentileMs(0.95), durations.after.percentileMs(0.95)]
    : [perCall(before), perCall(after)]
  const measure = durations ? 'P95' : 'mean'
  const sentence = `${cut(text)} takes ${formatMs(is)} (${measure}), before ${formatMs(was)}; ${ofRise(share)}.`
  const figures = { statement: statement.id, before: round(was), after: round(is), measure }
  return accuse('statement', judgeShare(share), sentence, figures, share ?? null)
}

/** Calls that it would have had after the onset, were it called as often in a request as before. */
const callsLike = ({ before, after }: Case, { before: was }: StatementHalves): number =>
  (was.calls / Math.max(1, before.requests)) * after.requests

/** N + 1: the calls that were added, each as long as it was (a new one: as long as it is). */
function suspectRepetition(facts: Case): Suspect {
  const { before, after, statements = [] } = facts
  const [all, allBefore] = [
    callsOf(statements, 'after') / Math.max(1, after.requests),
    callsOf(statements, 'before') / Math.max(1, before.requests),
  ]
  const worst = statements
    .map((statement) => ({ statement, share: shareOfAdded(facts, statement) }))
    .toSorted((a, b) => (b.share ?? 0) - (a.share ?? 0))[0]
  const figures = { before: round(allBefore), after: round(all) }
  const amount = `${formatAmount(all)} statements in a request, before ${formatAmount(allBefore)}`
  if (worst === undefined || judgeShare(worst.share) !== 'guilty') {
    const verdict = all < allBefore * 1.2 ? 'eliminated' : judgeShare(worst?.share)
    return accuse('more-statements', verdict, `${amount}.`, figures, worst?.share ?? null)
  }
  const { statement, share = 0 } = worst
  const [is, was] = [
    statement.after.calls / Math.max(1, after.requests),
    statement.before.calls / Math.max(1, before.requests),
  ]
  const sentence = `${amount}: ${cut(statement.text)} runs ${formatAmount(is)} times, before ${formatAmount(was)}; ${ofRise(share)}.`
  return accuse('more-statements', 'guilty', sentence, { ...figures, statement: statement.id }, share)
}

function shareOfAdded(facts: Case, statement: StatementHalves): number | undefined {
  const { before, after } = statement
  const added = after.calls - callsLike(facts, statement)
  if (added <= 0) return 0
  return shareOfRise(facts, 0, added * perCall(before.calls === 0 ? after : before))
}

const callsOf = (statements: readonly StatementHalves[], part: 'before' | 'after'): number =>
  statements.reduce((sum, statement) => sum + statement[part].calls, 0)
const perCall = ({ totalMs, calls }: StatementPart): number => totalMs / Math.max(1, calls)

function suspectPlan(culprit: Culprit, share: number | null): Suspect {
  const flip = findFlip(culprit)
  const { shapes } = culprit
  const fresh = shapes?.filter(({ before, after }) => Number(before) === 0 && Number(after) > 0) ?? []
  const had = shapes?.filter(({ before }) => Number(before) > 0) ?? []
  const figures = { plansBefore: had.length, newPlans: fresh.length }
  if (flip) return accuse('plan', 'guilty', `Its plan changed: ${flip.sentence}`, figures, share)
  if (shapes === undefined) return accuse('plan', 'unknown', 'Its plans could not be read.')
  if (had.length === 0) {
    const sentence = 'It was not explained before the onset, so that nobody knows which plan it had.'
    return accuse('plan', 'unknown', sentence, figures)
  }
  if (shapes.every(({ after }) => Number(after) === 0))
    return accuse('plan', 'unknown', 'It was not explained since the onset.', figures)
  const [first] = fresh
  if (first === undefined) {
    const sentence = `It has ${had.length === 1 ? 'the plan' : 'the plans'} that it had.`
    return accuse('plan', 'eliminated', sentence, figures)
  }
  const sentence = `Its plan changed: ${describeShapes(culprit, had[0]?.shape, first.shape)}, seen ${first.after} times since the onset and never before.`
  return accuse('plan', 'guilty', sentence, figures, share)
}

export const findFlip = ({ findings }: Culprit): SeenFindingRow | undefined =>
  findings?.find(({ kind }) => kind === 'plan-flip')

function describeShapes({ plans }: Culprit, before: string | undefined, after: string): string {
  const ways = [before, after].map((shape) => {
    const accesses = plans?.find((plan) => plan.shape === shape)?.accesses ?? []
    return accesses
      .map(({ relation, access, indexes }) =>
        access === 'seq' ? `all of ${relation}` : `${relation} by ${indexes.join(', ') || access}`,
      )
      .join(', ')
  })
  const [was = '', is = ''] = ways
  return was === '' || is === '' || was === is ? 'another way to its rows' : `it reads ${is}, before ${was}`
}

function suspectRows({ statement: { before, after } }: Culprit, share: number | null): Suspect {
  const [was, is] = [before, after].map(({ rows, calls }) => rows / Math.max(1, calls)) as [number, number]
  const [wasBytes, isBytes] = [before, after].map(({ bytes, calls }) => bytes / Math.max(1, calls)) as [number, number]
  const figures = {
    rowsBefore: round(was),
    rowsAfter: round(is),
    bytesBefore: round(wasBytes),
    bytesAfter: round(isBytes),
  }
  const sentence = `A call brings ${formatAmount(is)} rows and ${formatBytes(isBytes)}, before ${formatAmount(was)} and ${formatBytes(wasBytes)}.`
  if (before.calls === 0) return accuse('more-rows', 'unknown', 'It did not run before.', figures)
  const isMore = is >= was * 2 && is >= was + 10
  if (isMore || (isBytes >= wasBytes * 2 && isBytes >= wasBytes + 50_000))
    return accuse('more-rows', 'guilty', sentence, figures, share)
  const isSame = is < was * 1.3 + 1 && isBytes < wasBytes * 1.3 + 1_000
  return accuse('more-rows', isSame ? 'eliminated' : 'unknown', sentence, figures)
}

function suspectGrowth(culprit: Culprit, share: number | null): Suspect {
  const told = readReasons(culprit).filter(({ what }) => what === 'growth')
  if (told.length > 0) return accuse('growth', 'guilty', sentenceOf(told), {}, share)
  const [first, ...later] = listFacts(culprit)
  const last = later.at(-1)
  if (first === undefined || last === undefined)
    return accuse('growth', 'unknown', 'How large its tables were before is not known.')
  const grown = listGrowth(first.facts, last.facts)
  const figures = { ...sizeFigures(first.facts, 'before'), ...sizeFigures(last.facts, 'after') }
  if (grown.length > 0) return accuse('growth', 'guilty', `${grown.join('; ')}.`, figures, share)
  const sizes = Object.entries(last.facts).map(([relation, { bytes }]) => `${relation} ${formatBytes(bytes)}`)
  return accuse('growth', 'eliminated', `Its tables are as large as they were: ${sizes.join(', ')}.`, figures)
}

const sizeFigures = (facts: Readonly<Record<string, { bytes: number }>>, when: string): Record<string, number> =>
  Object.fromEntries(Object.entries(facts).map(([relation, { bytes }]) => [`${relation} ${when}`, bytes]))

function suspectStatistics(culprit: Culprit, share: number | null): Suspect {
  const told = readReasons(culprit).filter(({ what }) => what === 'stale' || what === 'statistics')
  if (told.length > 0) return accuse('statistics', 'guilty', sentenceOf(told), {}, share)
  const last = listFacts(culprit).at(-1)
  if (last === undefined) return accuse('statistics', 'unknown', 'The statistics of its tables are not known.')
  const tables = Object.entries(last.facts).map(([relation, { rows, changed, analyzedAt }]) => ({
    isStale: changed >= 1_000 && changed >= rows * 0.2,
    sentence: `${formatAmount(changed)} rows of ${relation} were written ${analyzedAt === null ? 'and it was never analyzed' : 'since it was analyzed'}`,
  }))
  const stale = tables.filter(({ isStale }) => isStale)
  const shown = (stale.length > 0 ? stale : tables).map(({ sentence }) => sentence).join('; ')
  // Old statistics explain another plan; they slow nothing down by themselves.
  return accuse('statistics', stale.length > 0 ? 'unknown' : 'eliminated', `${shown}.`)
}

export interface ToldReason {
  what: string
  sentence: string
}

/** Why the planner changed its mind, as the finding says. */
export function readReasons(culprit: Culprit): ToldReason[] {
  const reasons = findFlip(culprit)?.evidence['reasons']
  if (!Array.isArray(reasons)) return []
  return reasons.filter(
    (each: unknown): each is ToldReason =>
      typeof each === 'object' &&
      each !== null &&
      'what' in each &&
      'sentence' in each &&
      typeof each.sentence === 'string',
  )
}

const sentenceOf = (told: readonly ToldReason[]): string => `${told.map(({ sentence }) => sentence).join('; ')}.`
