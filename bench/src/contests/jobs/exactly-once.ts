import { runPairs } from '../../harness/pairs.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import { startSubject, type SubjectStart } from '../../harness/subjects.js'
import { HOLDFAST, rateOf, type Part, type Round, type Setting } from './setting.js'

const BOSS = 'pg-boss'
const SAVEPOINTS = 'pg-boss, savepoint each'
const subjects = [
  { name: HOLDFAST, module: 'jobs-effects-holdfast', database: HOLDFAST },
  { name: BOSS, module: 'jobs-effects-pg-boss', database: BOSS },
  { name: SAVEPOINTS, module: 'jobs-effects-pg-boss-savepoints', database: BOSS },
] as const

const bound = { atLeast: 1.8 } as const

/**
 * A handler that writes a row in the transaction that completes its job. holdfast shares a commit between sixty and gives
 * each a savepoint; pg-boss commits a batch or nothing of it. That is less work and less of a promise, and what its
 * documentation shows: the check is against it, and beside it stands pg-boss with a savepoint for each job. After each
 * drain the rows are counted: every job exactly once.
 */
export const exactlyOnce: Part = async (setting) => {
  const { rounds, ratios } = await runPairs(
    {
      metric: 'drain',
      subjects: subjects.map((subject) => describe(setting, subject)),
      bound,
      mixed: true,
      ratio: (round) => rateOf(round, HOLDFAST) / Math.max(rateOf(round, BOSS), rateOf(round, SAVEPOINTS)),
    },
    setting.input,
  )
  const rows = subjects.map(({ name }) =>
    summarize(
      name,
      'exactly_once_rate',
      'effects/s',
      rounds.map((round) => rateOf(round, name)),
    ),
  )
  const alone = rounds.map(overSavepoints)
  rows.push(summarize(`holdfast over ${SAVEPOINTS}`, 'exactly_once_ratio', 'ratio', alone))
  return { rows, checks: [judgeRatio('exactly_once_over_pgboss', ratios, bound)] }
}

function describe(
  { execPath, databases }: Setting,
  { name, module, database }: (typeof subjects)[number],
): SubjectStart {
  const url = new URL(`../../subjects/${module}.js`, import.meta.url)
  return { name, start: async () => await startSubject(name, url, databases.urlOf(database), 1, execPath) }
}

function overSavepoints(round: Round): number {
  return rateOf(round, HOLDFAST) / rateOf(round, SAVEPOINTS)
}
