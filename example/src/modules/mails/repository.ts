import type { Queryable, Tx } from 'holdfast'
import { sql } from 'kysely'
import { qb, run, runOne } from '../../database/query-builder.js'
import type { ConfirmedOrder, Mail } from './model.js'

export function findConfirmedOrder(on: Queryable, orderId: string): Promise<ConfirmedOrder | undefined> {
  const query = qb
    .selectFrom('orders')
    .innerJoin('events', 'events.id', 'orders.event_id')
    .innerJoin('order_items', 'order_items.order_id', 'orders.id')
    .select(['orders.id as order_id', 'orders.customer_id', 'orders.total_cents', 'orders.currency'])
    .select(['events.title', 'events.place', 'events.starts_at'])
    .select(sql<number>`sum(order_items.quantity)::int`.as('places'))
    .where('orders.id', '=', orderId)
    .groupBy(['orders.id', 'events.id'])
  return runOne(on, query)
}

/** No `on conflict`: a second mail about one order must fail, not vanish. */
export async function insertMail(tx: Tx, mail: Mail): Promise<void> {
  await run(tx, qb.insertInto('outgoing_mails').values(mail))
}
