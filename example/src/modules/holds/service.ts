import type { Db } from 'holdfast'
import { requireCustomer } from '../customers/repository.js'
import { requireEventOnSale } from '../events/repository.js'
import type { HoldView, NewHold } from './model.js'
import { describeRefusal, type Places } from './places.js'

/** Whoever has chosen has ten minutes to buy. */
const ttlMs = 600_000

export interface HoldsService {
  /** Holds places for a customer who has not ordered yet; the same key gives the same holds. @throws BOX_SOLD_OUT, BOX_SEATS_TAKEN, … */
  hold(key: string, eventId: string, input: NewHold): Promise<HoldView>
  /** Gives how many holds were given back: none where it has expired. @throws BOX_HOLDS_ORDERED, HF_HOLDS_NOT_YOURS */
  release(id: string, customerId: string): Promise<number>
}

export function createHoldsService({ db, places }: { db: Db; places: Places }): HoldsService {
  async function hold(key: string, eventId: string, input: NewHold): Promise<HoldView> {
    await requireEventOnSale(db, eventId)
    await requireCustomer(db, input.customerId)
    const intent = { route: 'POST /events/:id/holds', key, ttlMs }
    const taken = await places.take({ ...input, eventId }, intent)
    if (taken.refusal !== undefined) throw await describeRefusal(db, taken.refusal, eventId)
    const endsAt = Math.min(...taken.holds.map(({ expiresAt }) => expiresAt.getTime()))
    return { holdIds: taken.holds.map(({ id }) => id), expiresAt: new Date(endsAt).toISOString() }
  }

  return { hold, release: async (id, customerId) => await places.drop(id, customerId) }
}
