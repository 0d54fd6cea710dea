import { rateOf, type Round } from './pairs.js'
import { summarize } from './statistics.js'
import type { Row, Stretch } from './types.js'

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
