import type { Db } from 'holdfast'
import { inspectWatch } from 'holdfast/watch'
import {
  mostSeatsPerCustomer,
  passesPerEvent,
  presaleOff,
  seatsPerEvent,
  type PassOrder,
  type PresaleMode,
  type PresaleView,
  type Redemption,
} from './model.js'
import { closePresale, measureHarm, openPresale } from './repository.js'
import { createGuardedSales, createNaiveSales, type Sales } from './sales.js'

const eventsOnSale = 3

export interface PresaleService extends Sales {
  describe(): Promise<PresaleView>
  /** Opens it anew, or ends it; gives the events that are sold. */
  turn(mode: PresaleMode): Promise<string[]>
}

/** A dial, not an example: the shop's own sales are guarded (modules/holds). */
export function createPresaleService({ db }: { db: Db }): PresaleService {
  const modes = { naive: createNaiveSales(db), guarded: createGuardedSales(db) }
  let mode: PresaleMode = 'off'
  let since = new Date()
  let sold = 0
  const underWay = new Set<Promise<unknown>>()

  async function sell(through: (sales: Sales) => Promise<void>): Promise<void> {
    if (mode === 'off') throw presaleOff()
    const sale = through(modes[mode])
    underWay.add(sale)
    try {
      await sale
    } finally {
      underWay.delete(sale)
    }
  }

  async function buyPasses(eventId: string, order: PassOrder): Promise<void> {
    await sell(async (sales) => {
      await sales.buyPasses(eventId, order)
      sold += order.count
    })
  }

  async function describe(): Promise<PresaleView> {
    const harm = await measureHarm(db, passesPerEvent, mostSeatsPerCustomer, sold)
    const { findings } = mode === 'off' ? { findings: [] } : await inspectWatch(db).findings({ since })
    const own = findings.filter(({ kind, route }) => kind === 'clash' && route.startsWith('POST /presale'))
    return { mode, harm, found: own.map(({ sentence, prove }) => ({ sentence, prove })) }
  }

  async function turn(to: PresaleMode): Promise<string[]> {
    mode = 'off'
    // One that is sold naively would write over what is on sale next.
    await Promise.allSettled(underWay)
    since = new Date()
    sold = 0
    const eventIds = await db.tx(async (tx) => {
      if (to !== 'off') return await openPresale(tx, eventsOnSale, passesPerEvent, seatsPerEvent)
      await closePresale(tx)
      return []
    })
    mode = to
    return eventIds
  }

  return {
    describe,
    turn,
    buyPasses,
    redeem: async (redemption: Redemption) => await sell(async (sales) => await sales.redeem(redemption)),
    takeSeat: async (...wish) => await sell(async (sales) => await sales.takeSeat(...wish)),
  }
}
