import type { Queryable, Tx } from 'holdfast'
import { sql } from 'kysely'
import { qb, run, runOne } from '../../database/query-builder.js'
import type { ReportedOrder } from './model.js'

/** Orders of an event that had been paid by then. What is later changes nothing in them: the times of an order only ever get filled in. */
const paidBy = (eventId: string, asOf: string) =>
  qb
    .selectFrom('orders')
    .where('event_id', '=', eventId)
    .where('paid_at', '<=', sql<Date>`${asOf}::timestamptz`)

export async function countPaidOrders(on: Queryable, eventId: string, asOf: string): Promise<number> {
  const row = await runOne(on, paidBy(eventId, asOf).select(sql<number>`count(*)::int`.as('amount')))
  return row?.amount ?? 0
}

/** The next orders after an id, by the index on (event_id, id). */
export function listPaidOrders(
  tx: Tx,
  { eventId, asOf, afterId, limit }: { eventId: string; asOf: string; afterId: string; limit: number },
): Promise<ReportedOrder[]> {
  const query = paidBy(eventId, asOf)
    .select(['orders.id', 'orders.total_cents'])
    .select(sql<boolean>`coalesce(orders.cancelled_at <= ${asOf}::timestamptz, false)`.as('is_refunded'))
    .where('orders.id', '>', afterId)
    .orderBy('orders.id')
    .limit(limit)
  return run(tx, query)
}

/** Places of these orders; a second look at the same moment, as both are in one snapshot. */
export async function countPlaces(tx: Tx, orderIds: readonly string[]): Promise<Map<string, number>> {
  if (orderIds.length === 0) return new Map()
  const rows = await run(
    tx,
    qb
      .selectFrom('order_items')
      .select('order_id')
      .select(sql<number>`sum(quantity)::int`.as('places'))
      .where('order_id', 'in', orderIds)
      .groupBy('order_id'),
  )
  return new Map(rows.map((row) => [row.order_id, row.places]))
}

/** Events with an order in the last day, after an id. */
export async function listSellingEvents(tx: Tx, afterId: string, limit: number): Promise<string[]> {
  const rows = await run(
    tx,
    qb
      .selectFrom('events')
      .select('events.id')
      .where('events.id', '>', afterId)
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('orders')
            .select(sql<number>`1`.as('one'))
            .whereRef('orders.event_id', '=', 'events.id')
            .where('orders.paid_at', '>', sql<Date>`now() - interval '1 day'`),
        ),
      )
      .orderBy('events.id')
      .limit(limit),
  )
  return rows.map((row) => row.id)
}
