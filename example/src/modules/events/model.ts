import { z } from 'zod'
import { cursorSchema, limitSchema } from '../../utils/cursor.js'
import { BoxError } from '../../utils/errors.js'
import { createMoney, type Money } from '../../utils/money.js'
import { idSchema } from '../../utils/validate.js'

/** The key of a page of events: they are listed by date, then id. */
const cursor = cursorSchema(z.tuple([z.iso.datetime(), idSchema])).optional()

export const eventParams = z.object({ id: idSchema })
export const browseQuery = z.object({ after: cursor, limit: limitSchema })
export const searchQuery = z.object({ q: z.string().trim().min(1).max(100), after: cursor, limit: limitSchema })

export type BrowseQuery = z.infer<typeof browseQuery>
export type SearchQuery = z.infer<typeof searchQuery>

/** An event as the database gives it, with its venue and standing stock. */
export interface EventRow {
  id: string
  venue_id: string
  title: string
  genre: string
  place: string
  starts_at: Date
  currency: string
  standing_price_cents: number
  standing_capacity: number
  standing_remaining: number
  cancelled_at: Date | null
}

export interface EventView {
  id: string
  venueId: string
  title: string
  genre: string
  place: string
  startsAt: string
  isCancelled: boolean
  standing: { capacity: number; remaining: number; price: Money }
}

/** What a sale needs to know of an event. */
export interface EventOnSale {
  id: string
  starts_at: Date
  currency: string
  standing_price_cents: number
  cancelled_at: Date | null
}

export function viewEvent(row: EventRow): EventView {
  return {
    id: row.id,
    venueId: row.venue_id,
    title: row.title,
    genre: row.genre,
    place: row.place,
    startsAt: row.starts_at.toISOString(),
    isCancelled: row.cancelled_at !== null,
    standing: {
      capacity: row.standing_capacity,
      remaining: row.standing_remaining,
      price: createMoney(row.standing_price_cents, row.currency),
    },
  }
}

export function eventNotFound(id: string): BoxError {
  return new BoxError({
    code: 'BOX_EVENT_NOT_FOUND',
    status: 404,
    message: `There is no event ${id}.`,
    fix: 'Take the id from GET /events or GET /events/search.',
  })
}

export function eventCancelled(id: string): BoxError {
  return new BoxError({
    code: 'BOX_EVENT_CANCELLED',
    status: 409,
    message: `Event ${id} is cancelled.`,
    fix: 'Choose another event; what was bought is refunded.',
  })
}

export function eventStarted(id: string): BoxError {
  return new BoxError({
    code: 'BOX_EVENT_STARTED',
    status: 409,
    message: `Event ${id} has already started.`,
    fix: 'Choose an event with a later `startsAt`.',
  })
}
