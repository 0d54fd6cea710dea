import type { Queryable, Tx } from 'holdfast'
import { qb, run, runOne } from '../../database/query-builder.js'
import type { OrderStatus } from '../../database/tables.js'
import { orderNotFound, type ListOrdersQuery, type OrderItem, type OrderRow } from './model.js'

const columns = [
  'id',
  'customer_id',
  'event_id',
  'status',
  'standing_quantity',
  'total_cents',
  'currency',
  'payment_key',
  'charge_id',
  'seats_hold_id',
  'standing_hold_id',
  'created_at',
] as const

export type OrderInsert = Pick<
  OrderRow,
  'customer_id' | 'event_id' | 'standing_quantity' | 'total_cents' | 'currency' | 'seats_hold_id' | 'standing_hold_id'
>

/** Undefined when one of its holds is in an order already: the unique indexes decide. */
export function insertPendingOrder(tx: Tx, order: OrderInsert): Promise<OrderRow | undefined> {
  return runOne(
    tx,
    qb
      .insertInto('orders')
      .values({ ...order, status: 'pending' })
      .onConflict((conflict) => conflict.doNothing())
      .returning(columns),
  )
}

export async function insertItems(tx: Tx, orderId: string, items: readonly OrderItem[]): Promise<void> {
  const rows = items.map((item, index) => ({
    order_id: orderId,
    line: index + 1,
    seat_id: item.seatId,
    quantity: item.quantity,
    price_cents: item.priceCents,
  }))
  await run(tx, qb.insertInto('order_items').values(rows))
}

export function findOrder(on: Queryable, id: string): Promise<OrderRow | undefined> {
  return runOne(on, qb.selectFrom('orders').select(columns).where('id', '=', id))
}

/** @throws BOX_ORDER_NOT_FOUND */
export async function requireOrder(on: Queryable, id: string): Promise<OrderRow> {
  const order = await findOrder(on, id)
  if (!order) throw orderNotFound(id)
  return order
}

export function listItems(on: Queryable, orderId: string): Promise<OrderItem[]> {
  return run(
    on,
    qb
      .selectFrom('order_items')
      .select(['seat_id as seatId', 'quantity', 'price_cents as priceCents'])
      .where('order_id', '=', orderId)
      .orderBy('line'),
  )
}

export function listOrdersOfCustomer(
  on: Queryable,
  customerId: string,
  { after, limit }: ListOrdersQuery,
): Promise<OrderRow[]> {
  const query = qb
    .selectFrom('orders')
    .select(columns)
    .where('customer_id', '=', customerId)
    .orderBy('id', 'desc')
    .limit(limit + 1)
  return run(on, after ? query.where('id', '<', after[0]) : query)
}

/** Orders whose payment was left open: the answer was lost, or this process died between the two transactions. */
export function listOpenOrders(on: Queryable, afterId: string, createdBefore: Date, limit: number) {
  return run(
    on,
    qb
      .selectFrom('orders')
      .select(columns)
      .where('status', 'in', ['pending', 'payment_unknown'])
      .where('created_at', '<', createdBefore)
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(limit),
  )
}

export interface OrderChange {
  from: readonly OrderStatus[]
  to: OrderStatus
  set?: { charge_id?: string; refund_id?: string; paid_at?: Date; cancelled_at?: Date }
}

/**
 * Moves an order on only if it is still in one of the states `from`. Undefined: somebody else moved it first, so the
 * caller must not run the effects of this step (release seats, publish) a second time.
 */
export function moveOrder(tx: Tx, id: string, { from, to, set = {} }: OrderChange): Promise<OrderRow | undefined> {
  return runOne(
    tx,
    qb
      .updateTable('orders')
      .set({ status: to, ...set })
      .where('id', '=', id)
      .where('status', 'in', from)
      .returning(columns),
  )
}
