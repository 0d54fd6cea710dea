import { z } from 'zod'
import { BoxError } from '../../utils/errors.js'
import { createMoney, type Money } from '../../utils/money.js'
import { idSchema } from '../../utils/validate.js'

/** A seat map can hold thousands of seats; one answer holds at most this many. */
export const seatMapQuery = z.object({
  after: idSchema.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(500),
})

export type SeatMapQuery = z.infer<typeof seatMapQuery>

export interface SeatRow {
  id: string
  section: string
  row_label: string
  seat_number: number
  price_cents: number
  is_free: boolean
}

export interface SeatView {
  id: string
  section: string
  row: string
  number: number
  priceCents: number
  isFree: boolean
}

export interface SeatMap {
  eventId: string
  currency: string
  seats: SeatView[]
  /** Pass as `after` for the seats behind these; null at the end. */
  next: string | null
}

/** What a sale needs to know of a seat. */
export interface SeatPrice {
  id: string
  price: Money
}

export function viewSeat(row: SeatRow): SeatView {
  return {
    id: row.id,
    section: row.section,
    row: row.row_label,
    number: row.seat_number,
    priceCents: row.price_cents,
    isFree: row.is_free,
  }
}

export function priceSeat(row: { id: string; price_cents: number }, currency: string): SeatPrice {
  return { id: row.id, price: createMoney(row.price_cents, currency) }
}

export function seatsUnknown(eventId: string, seatIds: readonly string[]): BoxError {
  return new BoxError({
    code: 'BOX_SEATS_UNKNOWN',
    status: 422,
    message: `${seatIds.length} of the seats do not belong to event ${eventId}.`,
    fix: `Take seat ids from GET /events/${eventId}/seats.`,
    details: { seatIds },
  })
}

export function seatsTaken(seatIds: readonly string[], left: number): BoxError {
  return new BoxError({
    code: 'BOX_SEATS_TAKEN',
    status: 409,
    message: `${seatIds.length} of the seats have been taken; ${left} numbered seats are left.`,
    fix: 'Read the seat map again and choose seats with `isFree`. Nothing was bought.',
    details: { seatIds, left },
  })
}
