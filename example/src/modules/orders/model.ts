import { z } from 'zod'
import type { OrderStatus } from '../../database/tables.js'
import { cursorSchema, limitSchema } from '../../utils/cursor.js'
import { BoxError } from '../../utils/errors.js'
import { createMoney, type Money } from '../../utils/money.js'
import { idSchema } from '../../utils/validate.js'
import { placesFields } from '../holds/model.js'

export const orderParams = z.object({ id: idSchema })

export const newOrder = z
  .object({
    customerId: idSchema,
    eventId: idSchema,
    ...placesFields,
    /** Places that were held before, by POST /events/:id/holds, in place of the two above. */
    holdIds: z.array(idSchema).min(1).max(2).optional(),
  })
  .refine((order) => order.standing > 0 || order.seatIds.length > 0 || order.holdIds !== undefined, {
    path: ['standing'],
    message: 'order at least one standing place or one seat',
  })
  .refine((order) => order.holdIds === undefined || (order.standing === 0 && order.seatIds.length === 0), {
    path: ['holdIds'],
    message: 'must not be mixed with other places',
  })

export const listOrdersQuery = z.object({
  after: cursorSchema(z.tuple([idSchema])).optional(),
  limit: limitSchema,
})

/** What a job about an order carries: its id. All else is read when the job runs, and no personal data waits in a queue. */
export const orderReference = z.object({ orderId: idSchema })

export type NewOrder = z.infer<typeof newOrder>
export type OrderReference = z.infer<typeof orderReference>
export type ListOrdersQuery = z.infer<typeof listOrdersQuery>

export interface OrderRow {
  id: string
  customer_id: string
  event_id: string
  status: OrderStatus
  standing_quantity: number
  total_cents: number
  currency: string
  payment_key: string
  charge_id: string | null
  seats_hold_id: string | null
  standing_hold_id: string | null
  checkout_id: string | null
  created_at: Date
}

export interface OrderItem {
  seatId: string | null
  quantity: number
  priceCents: number
}

export interface OrderView {
  id: string
  customerId: string
  eventId: string
  status: OrderStatus
  total: Money
  createdAt: string
}

export interface Ticket {
  code: string
  /** Null: a standing place. */
  seatId: string | null
}

export interface OrderDetails extends OrderView {
  items: OrderItem[]
  /** Issued when it is paid, and worth nothing once it is cancelled. */
  tickets: Ticket[]
}

export function viewOrder(row: OrderRow): OrderView {
  return {
    id: row.id,
    customerId: row.customer_id,
    eventId: row.event_id,
    status: row.status,
    total: createMoney(row.total_cents, row.currency),
    createdAt: row.created_at.toISOString(),
  }
}

export function orderNotFound(id: string): BoxError {
  return new BoxError({
    code: 'BOX_ORDER_NOT_FOUND',
    status: 404,
    message: `There is no order ${id}.`,
    fix: 'Take the id from the answer to POST /orders or from GET /customers/:id/orders.',
  })
}
