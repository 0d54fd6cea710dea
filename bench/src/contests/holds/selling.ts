import { runPairs } from '../../harness/pairs.js'
import { describeNoise, describeRates } from '../../harness/rates.js'
import { judgeRatio, type Bound } from '../../harness/statistics.js'
import { openHeldSeats, openHeldStock, openOrderedSeats, openOrderedStock, type OpenLedger } from './ledgers.js'
import { AGAIN, HOLDFAST, overBest, type Part } from './setting.js'
import { holdfastPoolMax, seatStrategies, stockStrategies, type Strategy } from './settings.js'
import { describeTeam } from './team.js'

interface Selling {
  metric: string
  id: string
  bound: Bound
  holdfast: { module: string; openLedger: OpenLedger }
  others: readonly Strategy[]
  openLedger: OpenLedger
}

/** One row of a stock that everybody wants. Who takes the stock's row with no holds keeps it locked until its commit. */
export const hot = sell({
  metric: 'hot',
  id: 'hot_over_single_statement',
  bound: { atLeast: 15 },
  holdfast: { module: 'holds-holdfast', openLedger: openHeldStock },
  others: stockStrategies,
  openLedger: openOrderedStock,
})

/** Any seat of an event, in a table with a row for each. */
export const seats = sell({
  metric: 'seats',
  id: 'seats_over_skip_locked',
  bound: { atLeast: 0.9 },
  holdfast: { module: 'holds-holdfast-seats', openLedger: openHeldSeats },
  others: seatStrategies,
  openLedger: openOrderedSeats,
})

/** Buyers in several processes; after each stretch the tables must say that exactly so many were sold. */
function sell({ metric, id, bound, holdfast, others, openLedger }: Selling): Part {
  return async (setting) => {
    const describeOwn = (name: string) => describeTeam(setting, { name, ...holdfast, poolMax: holdfastPoolMax })
    const subjects = [
      describeOwn(HOLDFAST),
      describeOwn(AGAIN),
      ...others.map((strategy) => describeTeam(setting, { ...strategy, openLedger })),
    ]
    const turns = subjects.map(({ name }) => ({ name, subject: name, metric: 'sell' }))
    const names = others.map(({ name }) => name)
    const { rounds, ratios } = await runPairs(
      { metric, subjects, turns, bound, mixed: true, ratio: (round) => overBest(round, names) },
      setting.input,
    )
    const rows = [...describeRates(metric, 'hold', rounds), describeNoise(metric, rounds, AGAIN, HOLDFAST)]
    return { rows, checks: [judgeRatio(id, ratios, bound)] }
  }
}
