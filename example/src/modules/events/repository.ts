import type { Queryable, Tx } from 'holdfast'
import { sql } from 'kysely'
import { qb, run, runOne } from '../../database/query-builder.js'
import {
  eventCancelled,
  eventNotFound,
  eventStarted,
  type BrowseQuery,
  type EventOnSale,
  type EventRow,
  type SearchQuery,
} from './model.js'

const eventQuery = qb
  .selectFrom('events')
  .innerJoin('standing_stock', 'standing_stock.event_id', 'events.id')
  .select([
    'events.id',
    'events.venue_id',
    'events.title',
    'events.genre',
    'events.place',
    'events.starts_at',
    'events.currency',
    'events.standing_price_cents',
    'events.cancelled_at',
    'standing_stock.capacity as standing_capacity',
    'standing_stock.remaining as standing_remaining',
  ])

/** Upcoming events after the cursor, and one row more than asked for, by which the caller knows of a next page. */
function upcomingQuery({ after, limit }: Pick<BrowseQuery, 'after' | 'limit'>) {
  const query = eventQuery
    .where('events.starts_at', '>', sql<Date>`now()`)
    .where('events.cancelled_at', 'is', null)
    .orderBy('events.starts_at')
    .orderBy('events.id')
    .limit(limit + 1)
  if (!after) return query
  // A row comparison is one range of the (starts_at, id) index; `a > x or (a = x and b > y)` is not.
  return query.where((eb) =>
    eb(eb.refTuple('events.starts_at', 'events.id'), '>', eb.tuple(sql<Date>`${after[0]}::timestamptz`, after[1])),
  )
}

export function listUpcomingEvents(on: Queryable, page: BrowseQuery): Promise<EventRow[]> {
  return run(on, upcomingQuery(page))
}

/** websearch_to_tsquery takes whatever people type and never fails on its syntax. */
export function searchUpcomingEvents(on: Queryable, { q, ...page }: SearchQuery): Promise<EventRow[]> {
  return run(on, upcomingQuery(page).where(sql<boolean>`events.search @@ websearch_to_tsquery('simple', ${q})`))
}

export function findEvent(on: Queryable, id: string): Promise<EventRow | undefined> {
  return runOne(on, eventQuery.where('events.id', '=', id))
}

const onSaleQuery = qb
  .selectFrom('events')
  .select(['id', 'starts_at', 'currency', 'standing_price_cents', 'cancelled_at'])

export function findEventOnSale(on: Queryable, id: string): Promise<EventOnSale | undefined> {
  return runOne(on, onSaleQuery.where('id', '=', id))
}

/** @throws BOX_EVENT_NOT_FOUND, BOX_EVENT_STARTED, BOX_EVENT_CANCELLED */
export async function requireEventOnSale(on: Queryable, id: string): Promise<EventOnSale> {
  return refuseUnsold(await findEventOnSale(on, id), id)
}

/**
 * The same for a transaction that makes an order. It holds the lock that the order's foreign key takes anyway, and takes it
 * before it looks: a cancellation waits for it, or is seen by it. @throws BOX_EVENT_NOT_FOUND, BOX_EVENT_STARTED, BOX_EVENT_CANCELLED
 */
export async function requireEventForOrder(tx: Tx, id: string): Promise<EventOnSale> {
  return refuseUnsold(await runOne(tx, onSaleQuery.where('id', '=', id).forKeyShare()), id)
}

function refuseUnsold(event: EventOnSale | undefined, id: string): EventOnSale {
  if (!event) throw eventNotFound(id)
  if (event.cancelled_at !== null) throw eventCancelled(id)
  if (event.starts_at.getTime() <= Date.now()) throw eventStarted(id)
  return event
}

export async function returnStanding(on: Queryable, eventId: string, quantity: number): Promise<void> {
  await run(
    on,
    qb
      .updateTable('standing_stock')
      .set((eb) => ({ remaining: eb('remaining', '+', quantity) }))
      .where('event_id', '=', eventId),
  )
}
