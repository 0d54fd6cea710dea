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

  function open(): Sales {
    if (mode === 'off') throw presaleOff()
    return modes[mode]
  }

  async function buyPasses(eventId: string, order: PassOrder): Promise<void> {
    await open().buyPasses(eventId, order)
    sold += order.count
  }

  async function describe(): Promise<PresaleView> {
    const harm = await measureHarm(db, passesPerEvent, mostSeatsPerCustomer, sold)
    const { findings } = mode === 'off' ? { findings: [] } : await inspectWatch(db).findings({ since })
    const own = findings.filter(({ kind, route }) => kind === 'clash' && route.startsWith('POST /presale'))
    return { mode, harm, found: own.map(({ sentence, prove }) => ({ sentence, prove })) }
  }

  async function turn(to: PresaleMode): Promise<string[]> {
    mode = to
    since = new Date()
    sold = 0
    return await db.tx(async (tx) => {
      if (to !== 'off') return await openPresale(tx, eventsOnSale, passesPerEvent, seatsPerEvent)
      await closePresale(tx)
      return []
    })
  }

  return {
    describe,
    turn,
    buyPasses,
    redeem: async (redemption: Redemption) => await open().redeem(redemption),
    takeSeat: async (...wish) => await open().takeSeat(...wish),
  }
}
