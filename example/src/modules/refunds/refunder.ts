import type { Db, Tx } from 'holdfast'
import type { DomainEvents } from '../../utils/domain-events.js'
import type { Places } from '../holds/places.js'
import type { OrderRow } from '../orders/model.js'
import { findOrder, moveOrder, voidTickets } from '../orders/repository.js'
import type { PaymentsService } from '../payments/service.js'
import { refundRefused, refundUnknown } from './model.js'

export interface RefunderOptions {
  db: Db
  payments: PaymentsService
  places: Places
  events: DomainEvents
}

/** The part of a cancellation behind its first commit, shared by the request and the job that takes over from it. */
export interface Refunder {
  /** Asks for the refund of an order that is `cancelling`, which it stays while the outcome is unknown. @throws BOX_REFUND_REFUSED */
  refundOrder(order: OrderRow): Promise<OrderRow>
  /** Does the same unless the order is no longer `cancelling`. @throws BOX_REFUND_REFUSED, BOX_REFUND_UNKNOWN */
  resumeRefund(orderId: string): Promise<void>
}

export function createRefunder({ db, payments, places, events }: RefunderOptions): Refunder {
  async function refundOrder(order: OrderRow): Promise<OrderRow> {
    if (order.status !== 'cancelling' || order.charge_id === null) return order
    const outcome = await payments.refund({ key: `refund-${order.payment_key}`, chargeId: order.charge_id })
    if (outcome.kind === 'unknown') return order
    if (outcome.kind === 'refunded') return await db.tx((tx) => finish(tx, order, outcome.refundId))
    await db.tx((tx) => moveOrder(tx, order.id, { from: ['cancelling'], to: 'paid' }))
    throw refundRefused(order.id)
  }

  async function resumeRefund(orderId: string): Promise<void> {
    const order = await findOrder(db, orderId)
    if (!order) return
    const { status } = await refundOrder(order)
    if (status === 'cancelling') throw refundUnknown(orderId)
  }

  /** The places go back on sale only with a known refund, and only by the caller whose update moved the order. */
  async function finish(tx: Tx, order: OrderRow, refundId: string): Promise<OrderRow> {
    const set = { refund_id: refundId, cancelled_at: new Date() }
    const moved = await moveOrder(tx, order.id, { from: ['cancelling'], to: 'cancelled', set })
    if (!moved) return (await findOrder(tx, order.id)) ?? order
    await places.release(tx, moved)
    await voidTickets(tx, moved.id)
    events.publish(tx, { type: 'order.cancelled', orderId: order.id })
    return moved
  }

  return { refundOrder, resumeRefund }
}
