import { runPairs } from '../../harness/pairs.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import { describeSubject, HOLDFAST, postgresPeers, rateOf, type Part, type Round } from './setting.js'

const LANES = 8
const bound = { atLeast: 0.6 } as const
const names = [HOLDFAST, ...postgresPeers]

/** What an enqueue costs the transaction it is part of: the same process does it with and without, one after the other. */
export const transactions: Part = async (setting) => {
  const subjects = names.map((name) => describeSubject(setting, name, LANES))
  const turns = names.flatMap((subject) =>
    (['tx_with', 'tx_without'] as const).map((metric) => ({ name: `${subject} ${metric}`, subject, metric })),
  )
  const { rounds, ratios } = await runPairs(
    {
      metric: 'tx_with_enqueue',
      subjects,
      turns,
      bound,
      mixed: true,
      ratio: (round) => withOverWithout(round, HOLDFAST),
    },
    setting.input,
  )
  const rows = names.flatMap((name) => [
    describeRate(rounds, name, 'tx_with'),
    describeRate(rounds, name, 'tx_without'),
    summarize(
      name,
      'tx_with_over_without',
      'ratio',
      rounds.map((round) => withOverWithout(round, name)),
    ),
  ])
  return { rows, checks: [judgeRatio('tx_with_enqueue_over_without', ratios, bound)] }
}

function withOverWithout(round: Round, name: string): number {
  return rateOf(round, `${name} tx_with`) / rateOf(round, `${name} tx_without`)
}

function describeRate(rounds: readonly Round[], name: string, metric: string) {
  const rates = rounds.map((round) => rateOf(round, `${name} ${metric}`))
  return summarize(name, `${metric}_rate`, 'tx/s', rates)
}
