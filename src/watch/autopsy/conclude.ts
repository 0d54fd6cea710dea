import type { WatchVerdict } from '../inspect-types.js'
import { listGrowth } from '../plans/describe.js'
import { listFacts, type Case } from './case.js'
import { findNearDeploy, formatDistance, questionRequests } from './request-suspects.js'
import { findFlip, questionStatements, readReasons } from './statement-suspects.js'
import type { AutopsyFix, Change, Suspect, SuspectName } from './types.js'
import { cut, formatMs, formatTime } from '../words.js'

/** Of two that account for as much, the one that says more about the cause. */
const tellingFirst: readonly SuspectName[] = [
  'plan',
  'more-rows',
  'more-statements',
  'statement',
  'outbound',
  'pool',
  'event-loop',
  'one-instance',
  'cold-starts',
  'own-code',
  'growth',
  'statistics',
  'general-slowdown',
  'traffic',
  'deploy',
  'errors',
  'locks',
]
const order = { guilty: 0, unknown: 1, eliminated: 2 } as const
/** One of them explains a rise; the others go with it. */
const accomplices: ReadonlySet<SuspectName> = new Set([
  'deploy',
  'traffic',
  'errors',
  'growth',
  'statistics',
  'general-slowdown',
])

/** All suspects, the guilty ones first, and of them the one with the largest share of the rise. */
export function questionAll(facts: Case): Suspect[] {
  const rank = ({ suspect, share }: Suspect) => (accomplices.has(suspect) ? -1 : (share ?? 0))
  return [...questionStatements(facts), ...questionRequests(facts)].toSorted(
    (a, b) =>
      order[a.verdict] - order[b.verdict] ||
      (a.verdict === 'guilty' ? rank(b) - rank(a) : 0) ||
      tellingFirst.indexOf(a.suspect) - tellingFirst.indexOf(b.suspect),
  )
}

export function concludeVerdict(facts: Case, suspects: readonly Suspect[], endedAt: Date | null): WatchVerdict {
  const { before, after, route, at, until, kind } = facts
  const [was, is] = [before, after].map(({ durations }) => durations.percentileMs(0.95)) as [number, number]
  const guilty = suspects.filter(({ verdict }) => verdict === 'guilty')
  const [first, ...others] = guilty
  const ago = formatDistance(until.getTime() - at.getTime())
  const went = kind === 'jump' ? 'went' : 'rose'
  const ended = endedAt === null ? '' : ` It is as it was since ${formatTime(endedAt)}.`
  const why = first ? first.sentence : 'No suspect accounts for it; what is unknown is below.'
  const sentence = `P95 of ${route} ${went} from ${formatMs(was)} to ${formatMs(is)} at ${formatTime(at)}, ${ago} ago.${ended} ${why}`
  const isBad = endedAt === null && is >= was * 2 && is >= was + 50
  return { severity: isBad ? 'act' : 'watch', sentence, also: others.slice(0, 5).map((each) => each.sentence) }
}

/** What was different from about the onset on; the order says nothing about the cause. */
export function listChanges(facts: Case, found: readonly { sentence: string; first_seen_at: Date }[]): Change[] {
  const { culprit } = facts
  const near = findNearDeploy(facts)
  const changes: Change[] = []
  if (near) changes.push({ what: 'deploy', sentence: `${near.label} was deployed.`, at: near.began_at })
  if (culprit) {
    const reasons = readReasons(culprit)
    for (const { sentence } of reasons) changes.push({ what: 'reason', sentence: `${capitalise(sentence)}.`, at: null })
    const fresh = culprit.shapes?.filter(({ before, after }) => Number(before) === 0 && Number(after) > 0) ?? []
    for (const { shape } of fresh) changes.push(describeNewPlan(facts, shape))
    if (!reasons.some(({ what }) => what === 'growth')) changes.push(...listGrown(facts))
  }
  const added = facts.statements?.filter(({ before, after }) => before.calls === 0 && after.calls >= 20) ?? []
  for (const { text } of added.slice(0, 3))
    changes.push({ what: 'statement', sentence: `${cut(text)} runs, and did not before.`, at: null })
  for (const { sentence, first_seen_at: at } of found) changes.push({ what: 'finding', sentence, at })
  return changes
}

function describeNewPlan({ culprit }: Case, shape: string): Change {
  const plan = culprit?.plans?.find((each) => each.shape === shape)
  const text = cut(culprit?.statement.text ?? '')
  const whole = plan?.accesses.filter(({ access }) => access === 'seq').map(({ relation }) => relation) ?? []
  const reads = whole.length === 0 ? '' : ` that reads all of ${whole.join(', ')}`
  return {
    what: 'plan',
    sentence: `${text} has a plan${reads} that it did not have before.`,
    at: plan?.first_seen_at ?? null,
  }
}

function listGrown({ culprit }: Case): Change[] {
  const all = culprit ? listFacts(culprit) : []
  const [first, last] = [all[0], all.at(-1)]
  if (first === undefined || last === undefined || first === last) return []
  return listGrowth(first.facts, last.facts).map((sentence) => ({
    what: 'growth',
    sentence: `${sentence}.`,
    at: last.at,
  }))
}

/** Not the name of a table. */
const capitalise = (text: string): string =>
  /^\w+ /.test(text) ? `${text.slice(0, 1).toUpperCase()}${text.slice(1)}` : text

const helps: Readonly<Record<SuspectName, string>> = {
  plan: 'Look at both plans on the page Queries; an index that serves the condition and the order together leaves the planner no choice.',
  'more-rows': 'Give the statement a limit, or ask for the columns that are used only.',
  growth: 'Ask for an index, a smaller result or a partition: the work grows with the table.',
  statistics: 'Run `analyze` on the table, and let autovacuum come there more often.',
  'more-statements':
    'Ask for all of them at once: `where id = any($1)`, or a join; holdfast/shape loads graphs without it.',
  statement:
    'Look at its plan with the values of a slow request: `explain (analyze, buffers)`; `holdfast locks` shows whether it waits for others.',
  pool: 'Find out who holds connections (page Now); do what waits for others outside of transactions.',
  outbound: 'Look at the service that it calls; give the call a deadline, and make it a job where nobody waits for it.',
  'event-loop': 'Look for work that blocks the event loop (the page Now shows its delay); move it into a worker.',
  'cold-starts': 'Warm a process up before it gets requests: open the pool and run the first statements once.',
  'one-instance': 'Take the slow process out and look at it: its machine, its heap, its connections.',
  'own-code':
    'Look at what it computes and what else it awaits: `node --cpu-prof`, and the page Now for the event loop.',
  errors: 'Look for its errors in the log; each line has the id of its request.',
  traffic: 'Let requests wait in front of the pool rather than in it, and look at what the additional ones ask for.',
  deploy: 'Compare the version with the one before, or go back to it.',
  'general-slowdown': 'Look at the machine and at the database as a whole: CPU, I/O, a backup, a vacuum.',
  locks: 'Look at `holdfast locks` while it lasts.',
}

/** What helps, the surest first: an index that was tried, what the finding says, what helps against the guilty. */
export function listFixes(
  facts: Case,
  suspects: readonly Suspect[],
  advice: readonly { ddl: string; sentence?: string }[],
): AutopsyFix[] {
  const prove = `holdfast scan '${facts.route}' --since 1h`
  const flip = facts.culprit && findFlip(facts.culprit)
  const fixes: AutopsyFix[] = advice.map(({ ddl, sentence = 'Build this index; it does not block writes.' }) => ({
    from: 'advice',
    sentence,
    ddl,
    prove,
  }))
  if (flip) fixes.push({ from: 'finding', sentence: flip.fix, ddl: null, prove: flip.prove })
  const names = suspects.filter(({ verdict }) => verdict === 'guilty').map(({ suspect }) => suspect)
  const causes = names.filter((name) => !accomplices.has(name) && !(flip && name === 'plan'))
  // What made the statement slower is known: looking at the statement again finds nothing more.
  const isExplained = names.includes('plan') || names.includes('more-rows')
  const told = (causes.length > 0 || flip ? causes : names).filter((name) => !(isExplained && name === 'statement'))
  return [
    ...fixes,
    ...told.slice(0, 3).map((name): AutopsyFix => ({ from: 'suspect', sentence: helps[name], ddl: null, prove })),
  ]
}
