import { findMedian, summarize } from '../../harness/statistics.js'
import type { Row } from '../../harness/types.js'
import { openOrderedSeats, openOrderedStock, type OpenLedger } from './ledgers.js'
import type { Part, Setting } from './setting.js'
import { poolSizes, seatStrategies, stockStrategies, type Strategy } from './settings.js'
import { describeTeam } from './team.js'

const full = { rounds: 3, warmUpMs: 2_000, stretchMs: 2_000, stretches: 2 }
const quick = { rounds: 1, warmUpMs: 300, stretchMs: 400, stretches: 1 }

/**
 * Every strategy with pools of several sizes: more connections than can get on at once wait in the server instead of in
 * the process. No check; which size was best is what settings.ts gives the strategy in the other parts.
 */
export const pools: Part = async (setting) => {
  const rows: Row[] = []
  for (const strategy of stockStrategies) rows.push(...(await sweep(setting, strategy, openOrderedStock)))
  for (const strategy of seatStrategies) rows.push(...(await sweep(setting, strategy, openOrderedSeats)))
  return { rows, checks: [] }
}

async function sweep(setting: Setting, strategy: Strategy, openLedger: OpenLedger): Promise<Row[]> {
  const { rounds } = setting.input.quick ? quick : full
  const rates = new Map<number, number[]>(poolSizes.map((size) => [size, []]))
  for (let n = 0; n < rounds; n++)
    for (const size of n % 2 === 0 ? poolSizes : poolSizes.toReversed())
      rates.get(size)?.push(...(await measureRates(setting, { ...strategy, poolMax: size }, openLedger)))
  const shown = [...rates].map(([size, of]) => `${size}: ${Math.round(findMedian(of))}`)
  setting.input.progress(`pools: ${strategy.name}, sold a second by connections of each process: ${shown.join(', ')}`)
  return [...rates].map(([size, of]) => summarize(`${strategy.name}, ${size} each`, 'pool_rate', 'holds/s', of))
}

async function measureRates(setting: Setting, strategy: Strategy, openLedger: OpenLedger): Promise<number[]> {
  const { warmUpMs, stretchMs, stretches } = setting.input.quick ? quick : full
  const team = await describeTeam(setting, { ...strategy, openLedger }).start()
  try {
    await team.run('sell', warmUpMs)
    const rates: number[] = []
    while (rates.length < stretches) {
      const { operations, seconds } = await team.run('sell', stretchMs)
      rates.push(operations / seconds)
    }
    return rates
  } finally {
    await team.close()
  }
}
