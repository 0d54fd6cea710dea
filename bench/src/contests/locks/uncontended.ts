import { rateOf, runPairs, type Turn } from '../../harness/pairs.js'
import { describeNoise, describeRates } from '../../harness/rates.js'
import { judgeRatio, type Bound } from '../../harness/statistics.js'
import * as setting from './setting.js'

const { ADVISORY, ADVISORY_JOINED, AGAIN, HOLDFAST, REDLOCK, ROW_LEASE, SEMAPHORE } = setting

interface Uncontended {
  metric: string
  id: string
  bound: Bound
  /** What holdfast does; the others do what they can. */
  own: string
  against: string
  others: readonly string[]
}

/** A lock of one transaction: one caller, a key that nobody else wants. */
export const short = compare({
  metric: 'short',
  id: 'short_over_advisory',
  bound: { atLeast: 0.95 },
  own: 'short',
  against: ADVISORY,
  others: [ADVISORY, ADVISORY_JOINED],
})

/** A lease: one caller, a key that nobody else wants. Those on Redis may lose what they have said. */
export const lease = compare({
  metric: 'lease',
  id: 'lease_over_row_lease',
  bound: { atLeast: 1.3 },
  own: 'alone',
  against: ROW_LEASE,
  others: [ROW_LEASE, REDLOCK, SEMAPHORE],
})

function compare({ metric, id, bound, own, against, others }: Uncontended): setting.Part {
  return async (place) => {
    const present = [HOLDFAST, AGAIN, ...setting.chooseNames(place, others)]
    const turns: Turn[] = present.map((name) => ({
      name,
      subject: name,
      metric: name === HOLDFAST || name === AGAIN ? own : 'alone',
    }))
    const { rounds, ratios } = await runPairs(
      {
        metric,
        subjects: present.map((name) => setting.describeSubject(place, name, 1)),
        turns,
        bound,
        mixed: true,
        ratio: (round) => rateOf(round, HOLDFAST) / rateOf(round, against),
      },
      place.input,
    )
    return {
      rows: [...describeRates(metric, 'lock', rounds), describeNoise(metric, rounds, AGAIN, HOLDFAST)],
      checks: [judgeRatio(id, ratios, bound)],
    }
  }
}
