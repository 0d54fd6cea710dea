import type { Db } from 'holdfast'
import { codeUsed, mostSeatsPerCustomer, passesGone, seatRefused, type PassOrder, type Redemption } from './model.js'
import {
  countSeats,
  findRemaining,
  insertRedemption,
  isCodeUsed,
  lockCode,
  lockCustomer,
  takePasses,
  takeSeat,
  writeRemaining,
} from './repository.js'

export interface Sales {
  /** @throws BOX_PASSES_GONE */
  buyPasses(eventId: string, order: PassOrder): Promise<void>
  /** @throws BOX_CODE_USED */
  redeem(redemption: Redemption): Promise<void>
  /** @throws BOX_SEAT_REFUSED */
  takeSeat(eventId: string, seatNumber: number, customerId: string): Promise<void>
}

/** Three faults that no test of one request shows: each reads, decides, and writes, and another does so meanwhile. */
export function createNaiveSales(db: Db): Sales {
  return {
    async buyPasses(eventId, { count }) {
      const remaining = (await findRemaining(db, eventId)) ?? 0
      if (remaining < count) throw passesGone()
      // Lost update: what was sold since the read is forgotten.
      await writeRemaining(db, eventId, remaining - count)
    },
    async redeem({ code, customerId }) {
      if (await isCodeUsed(db, code)) throw codeUsed()
      // Check then insert: two who looked at once both found nothing.
      await insertRedemption(db, code, customerId)
    },
    async takeSeat(eventId, seatNumber, customerId) {
      await db.tx(async (tx) => {
        if ((await countSeats(tx, eventId, customerId)) >= mostSeatsPerCustomer)
          throw seatRefused('No more seats for you.')
        // Write skew: each seat is taken once, and two requests counted before either had taken its own.
        if (!(await takeSeat(tx, eventId, seatNumber, customerId))) throw seatRefused('This seat is taken.')
      })
    },
  }
}

/** The same, with the smallest change that helps each of them. */
export function createGuardedSales(db: Db): Sales {
  return {
    async buyPasses(eventId, { count }) {
      if (!(await takePasses(db, eventId, count))) throw passesGone()
    },
    async redeem({ code, customerId }) {
      await db.tx(async (tx) => {
        await lockCode(tx, code)
        if (await isCodeUsed(tx, code)) throw codeUsed()
        await insertRedemption(tx, code, customerId)
      })
    },
    async takeSeat(eventId, seatNumber, customerId) {
      await db.tx(async (tx) => {
        await lockCustomer(tx, customerId)
        if ((await countSeats(tx, eventId, customerId)) >= mostSeatsPerCustomer)
          throw seatRefused('No more seats for you.')
        if (!(await takeSeat(tx, eventId, seatNumber, customerId))) throw seatRefused('This seat is taken.')
      })
    },
  }
}
