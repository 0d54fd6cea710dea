import type { Queryable, Tx } from 'holdfast'
import { sql } from 'kysely'
import { qb, run, runOne } from '../../database/query-builder.js'
import type { OrderStatus } from '../../database/tables.js'
import { orderNotFound, type ListOrdersQuery, type OrderItem, type OrderRow, type Ticket } from './model.js'

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
  'checkout_id',
  'created_at',
] as const

export type OrderInsert = Pick<
  OrderRow,
  | 'customer_id'
  | 'event_id'
  | 'standing_quantity'
  | 'total_cents'
  | 'currency'
  | 'charge_id'
  | 'seats_hold_id'
  | 'standing_hold_id'
  | 'checkout_id'
>

export async function insertPendingOrder(tx: Tx, order: OrderInsert): Promise<OrderRow> {
  const values = { ...order, status: 'pending' } as const
  const row = await runOne(tx, qb.insertInto('orders').values(values).returning(columns))
  if (!row) throw new Error('INSERT … RETURNING gave no row')
  return row
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

export function findOrderOfCheckout(on: Queryable, checkoutId: string): Promise<OrderRow | undefined> {
  return runOne(on, qb.selectFrom('orders').select(columns).where('checkout_id', '=', checkoutId))
}

export function listTickets(on: Queryable, orderId: string): Promise<Ticket[]> {
  const query = qb.selectFrom('tickets').select(['code', 'seat_id as seatId']).where('order_id', '=', orderId)
  return run(on, query.orderBy('number'))
}

/** One for each place of an order, while it is paid: who cancels in the same moment gets none. Gives how many. */
export async function issueTickets(tx: Tx, orderId: string): Promise<number> {
  const paid = qb.selectFrom('orders').select('id').where('id', '=', orderId).where('status', '=', 'paid').forUpdate()
  if (!(await runOne(tx, paid))) return 0
  const places = qb
    .selectFrom('order_items')
    .innerJoin(sql<{ n: number }>`generate_series(1, quantity)`.as<'place'>(sql`place (n)`), (join) => join.onTrue())
    .select('order_id')
    .select(sql<number>`row_number() over (order by line, n)`.as('number'))
    .select('seat_id')
    .where('order_id', '=', orderId)
  const query = qb
    .insertInto('tickets')
    .columns(['order_id', 'number', 'seat_id'])
    .expression(places)
    .returning('number')
  return (await run(tx, query)).length
}

/** In the transaction that gives the places back: no door opens for a ticket of theirs. */
export async function voidTickets(tx: Tx, orderId: string): Promise<void> {
  await run(tx, qb.deleteFrom('tickets').where('order_id', '=', orderId))
}

export interface OrderChange {
  from: readonly OrderStatus[]
  to: OrderStatus
  set?: { refund_id?: string; paid_at?: Date; cancelled_at?: Date }
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
