import type { Db, Tx } from 'holdfast'
import type { DomainEvents } from '../../utils/domain-events.js'
import { eventStarted } from '../events/model.js'
import { findEventOnSale } from '../events/repository.js'
import { orderNotFound, viewOrder, type OrderRow, type OrderView } from '../orders/model.js'
import { findOrder, moveOrder } from '../orders/repository.js'
import { releasePlaces } from '../orders/reservation.js'
import type { PaymentsService } from '../payments/service.js'
import { orderNotCancellable, refundRefused } from './model.js'

export interface RefundsServiceOptions {
  db: Db
  payments: PaymentsService
  events: DomainEvents
}

export interface RefundsService {
  /**
   * Cancels a paid order and refunds it, once however often it is called. Stays `cancelling` while the refund's
   * outcome is unknown; calling again asks again with the same key.
   */
  cancelOrder(id: string): Promise<OrderView>
}

export function createRefundsService({ db, payments, events }: RefundsServiceOptions): RefundsService {
  async function cancelOrder(id: string): Promise<OrderView> {
    const order = await db.tx((tx) => beginCancelling(tx, id))
    if (order.status === 'cancelled' || order.charge_id === null) return viewOrder(order)
    const outcome = await payments.refund({ key: `refund-${order.payment_key}`, chargeId: order.charge_id })
    if (outcome.kind === 'unknown') return viewOrder(order)
    if (outcome.kind === 'refunded') return viewOrder(await db.tx((tx) => finish(tx, order, outcome.refundId)))
    await db.tx((tx) => moveOrder(tx, id, { from: ['cancelling'], to: 'paid' }))
    throw refundRefused(id)
  }

  /** The places go back on sale only with a known refund, and only by the caller whose update moved the order. */
  async function finish(tx: Tx, order: OrderRow, refundId: string): Promise<OrderRow> {
    const set = { refund_id: refundId, cancelled_at: new Date() }
    const moved = await moveOrder(tx, order.id, { from: ['cancelling'], to: 'cancelled', set })
    if (!moved) return (await findOrder(tx, order.id)) ?? order
    await releasePlaces(tx, moved)
    events.publish(tx, { type: 'order.cancelled', orderId: order.id })
    return moved
  }

  return { cancelOrder }
}

async function beginCancelling(tx: Tx, id: string): Promise<OrderRow> {
  const order = await findOrder(tx, id)
  if (!order) throw orderNotFound(id)
  const event = await findEventOnSale(tx, order.event_id)
  if (order.status === 'paid' && event && event.starts_at.getTime() <= Date.now()) throw eventStarted(event.id)
  const moved = await moveOrder(tx, id, { from: ['paid'], to: 'cancelling' })
  if (moved) return moved
  // Read again: the row that we read first may have been moved by a twin in between.
  const current = (await findOrder(tx, id)) ?? order
  if (current.status === 'cancelling' || current.status === 'cancelled') return current
  throw orderNotCancellable(id, current.status)
}
