import { formatAge } from './describe.js'
import type { SagaAmount, SagaKindView, SagasOverview, SagasVerdict } from './inspect-types.js'

/** Due for so long, somebody would have taken it. */
const OVERDUE_MS = 5_000
const MOST_SIGNS = 6

interface Sign {
  severity: 'watch' | 'act'
  sentence: string
  fix: string
}

type Facts = Omit<SagasOverview, 'verdict'>

/** Is anything wrong with sagas? What needs somebody now comes first. */
export function judgeSagas(facts: Facts): SagasVerdict {
  const { kinds } = facts
  const signs = [
    ...findNoWorker(facts),
    ...kinds.flatMap(findStranded),
    ...kinds.flatMap(findStuck),
    ...kinds.flatMap(findOverdue),
    ...findMissing(facts),
  ]
  const [first, ...others] = signs
  if (first === undefined) return { severity: 'ok', sentence: describeCalm(facts), also: [] }
  return { ...first, also: others.slice(0, MOST_SIGNS - 1).map(({ sentence }) => sentence) }
}

const hasLive = ({ workers }: Facts): boolean => workers.some(({ isAlive }) => isAlive)

/** All versions are stranded then: one sentence says more than one for each. */
function findNoWorker(facts: Facts): Sign[] {
  const waiting = facts.kinds.filter((kind) => countWaiting(kind).count > 0)
  if (hasLive(facts) || waiting.length === 0) return []
  const amount = add(waiting.map(countWaiting))
  const names = waiting.slice(0, 3).map(({ name, version }) => `${name} v${version}`)
  const of = `${names.join(', ')}${waiting.length > names.length ? ' …' : ''}`
  return [
    {
      severity: 'act',
      sentence: `${formatSagas(amount)} under way (${of}), and no process works.`,
      fix: 'Start a process whose `createSagas` was given these versions, and that calls `sagas.work()`.',
    },
  ]
}

/** Never silently pending: nothing becomes of them until a process has their code. */
export function findStranded(kind: SagaKindView): Sign[] {
  const amount = countWaiting(kind)
  if (kind.workers > 0 || amount.count === 0) return []
  const { name, version } = kind
  const have = amount.count === 1 && !amount.isMore ? 'has' : 'have'
  return [
    {
      severity: 'act',
      sentence: `${formatAmount(amount)} ${amount.count === 1 ? 'saga' : 'sagas'} of ${name} v${version} ${have} no code: no live process has registered this version.`,
      fix: `Start a process that has version ${version} of ${name} in the \`sagas\` of \`createSagas\`; an old version stays beside the new one until its last saga has ended.`,
    },
  ]
}

export function findStuck({ name, version, stuck }: SagaKindView): Sign[] {
  if (stuck.count === 0) return []
  const isOne = stuck.count === 1 && !stuck.isMore
  return [
    {
      severity: 'act',
      sentence: `${formatAmount(stuck)} ${isOne ? 'saga' : 'sagas'} of ${name} v${version} ${isOne ? 'is stuck, and waits' : 'are stuck, and wait'} for a person.`,
      fix: 'Read its reason, mend the cause, then retry it; or see to what is to be undone by hand, and skip that undo.',
    },
  ]
}

function findOverdue({ name, version, workers, due, oldestDueMs }: SagaKindView): Sign[] {
  if (workers === 0 || (oldestDueMs ?? 0) < OVERDUE_MS) return []
  const who = due.count === 1 && !due.isMore ? '1 saga is' : `${formatAmount(due)} sagas are`
  return [
    {
      severity: 'watch',
      sentence: `${who} due of ${name} v${version}, and nobody has taken the oldest for ${formatAge(oldestDueMs ?? 0)}.`,
      fix: 'Its processes have as many in memory as they may: raise the `concurrency` of `sagas.work()`, or start another one.',
    },
  ]
}

function findMissing({ isInstalled, isLate }: Facts): Sign[] {
  if (isLate)
    return [
      {
        severity: 'watch',
        sentence: 'Nothing is shown: reading the sagas took too long.',
        fix: 'The server is busy; ask again.',
      },
    ]
  if (isInstalled) return []
  return [
    {
      severity: 'watch',
      sentence: 'The tables of sagas are not in this database, are of another release, or this role may not read them.',
      fix: 'Run `holdfast migrate` as the owner, with `--grant-to` the role of the application.',
    },
  ]
}

function describeCalm(facts: Facts): string {
  const { kinds, workers } = facts
  if (kinds.length === 0) return 'No saga is known yet: createSagas() makes those known that it is given.'
  const alive = workers.filter(({ isAlive }) => isAlive).length
  const who = alive === 1 ? '1 worker is alive' : `${alive || 'no'} workers are alive`
  const running = add(kinds.map((kind) => add([kind.running, kind.due])))
  const parked = add(kinds.map((kind) => kind.parked))
  return `Nothing is wrong: no saga is stuck, ${formatAmount(running)} run, ${formatAmount(parked)} wait, ${who}.`
}

/** Those that have not ended, and that a process would be needed for. */
const countWaiting = ({ due, parked, stuck, orphaned }: SagaKindView): SagaAmount => add([due, parked, stuck, orphaned])

function add(amounts: readonly SagaAmount[]): SagaAmount {
  const count = amounts.reduce((sum, amount) => sum + amount.count, 0)
  return { count: Math.min(count, 1_000), isMore: count > 1_000 || amounts.some(({ isMore }) => isMore) }
}

function formatSagas(amount: SagaAmount): string {
  return amount.count === 1 && !amount.isMore ? '1 saga is' : `${formatAmount(amount)} sagas are`
}

function formatAmount({ count, isMore }: SagaAmount): string {
  return `${count.toLocaleString('en-US')}${isMore ? '+' : ''}`
}
