import type { Databases } from '../../harness/databases.js'
import { rateOf, type Round } from '../../harness/pairs.js'
import { summarize } from '../../harness/statistics.js'
import type { BenchDocument, ContestInput, Row, Stretch } from '../../harness/types.js'

/** Where the parts of the contest take place. */
export interface Setting {
  input: ContestInput
  databases: Databases
}

export type Part = (setting: Setting) => Promise<Pick<BenchDocument, 'rows' | 'checks'>>

export const HOLDFAST = 'holdfast'
export const AGAIN = 'holdfast again'

/** Against whichever was best in this very round: no smaller than the best one's median, so never in our favour. */
export function overBest(round: Round, others: readonly string[]): number {
  return rateOf(round, HOLDFAST) / Math.max(...others.map((name) => rateOf(round, name)))
}

/** Rates and CPU of all who took part in the rounds. */
export function describeRates(metric: string, per: string, rounds: readonly Round[]): Row[] {
  const names = [...(rounds[0] as Round).keys()]
  return names.flatMap((name) => {
    const stretches = rounds.map((round) => round.get(name) as Stretch)
    const rates = rounds.map((round) => rateOf(round, name))
    const cpu = stretches.map(({ cpuUs, operations }) => cpuUs / operations)
    return [summarize(name, `${metric}_rate`, `${per}s/s`, rates), summarize(name, `${metric}_cpu`, `µs/${per}`, cpu)]
  })
}

/** Of one and the same done twice. */
export function describeNoise(metric: string, rounds: readonly Round[], again: string, first: string): Row {
  const ratios = rounds.map((round) => rateOf(round, again) / rateOf(round, first))
  return summarize(`${again} over ${first} (noise)`, `${metric}_ratio`, 'ratio', ratios)
}
