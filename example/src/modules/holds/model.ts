import { defineStock, defineUnits } from 'holdfast/holds'
import { z } from 'zod'
import { BoxError } from '../../utils/errors.js'
import { idSchema } from '../../utils/validate.js'

const maxPlaces = 20

export const standingPlaces = defineStock('standing', {
  table: 'standing_stock',
  resource: 'event_id',
  free: 'remaining',
})

export const numberedSeats = defineUnits('seats', { table: 'seats', resource: 'event_id', unit: 'id', hold: 'hold_id' })

/** Of an order and of a hold. */
export const placesFields = {
  standing: z.number().int().min(0).max(maxPlaces).default(0),
  seatIds: z
    .array(idSchema)
    .max(maxPlaces)
    .refine((ids) => new Set(ids).size === ids.length, { message: 'must not name a seat twice' })
    .default([]),
}

export const holdParams = z.object({ id: idSchema })
/** Whose hold it is: somebody else's is not released by its id alone. */
export const holdOwnerQuery = z.object({ customerId: idSchema })

export const newHold = z
  .object({ customerId: idSchema, ...placesFields })
  .refine(({ standing, seatIds }) => standing > 0 || seatIds.length > 0, {
    path: ['standing'],
    message: 'hold at least one standing place or one seat',
  })

export type NewHold = z.infer<typeof newHold>

export interface HoldView {
  /** One of the seats, one of the standing places: pass all of them to POST /orders. */
  holdIds: string[]
  expiresAt: string
}

export function soldOut(wanted: number, remaining: number): BoxError {
  return new BoxError({
    code: 'BOX_SOLD_OUT',
    status: 409,
    message: `${wanted} standing places were asked for and ${remaining} are left.`,
    fix:
      remaining > 0 ? `Order at most ${remaining}. Nothing was bought.` : 'Choose another event. Nothing was bought.',
    details: { wanted, remaining },
  })
}

export function holdsUnfit(eventId: string): BoxError {
  return new BoxError({
    code: 'BOX_HOLDS_UNFIT',
    status: 422,
    message: `An order takes one hold of seats and one of standing places at most, both of event ${eventId}.`,
    fix: 'Pass the `holdIds` of one answer to POST /events/:id/holds, and its event.',
  })
}

export function holdsOrdered(): BoxError {
  return new BoxError({
    code: 'BOX_HOLDS_ORDERED',
    status: 409,
    message: 'These places are in an order already.',
    fix: 'Cancel that order to give them back; order other places with a new Idempotency-Key.',
  })
}
