import type { Db, Tx } from 'holdfast'
import type { JobDefinition, Jobs } from 'holdfast/jobs'
import { eventStarted } from '../events/model.js'
import { findEventOnSale } from '../events/repository.js'
import { orderNotFound, viewOrder, type OrderReference, type OrderRow, type OrderView } from '../orders/model.js'
import { findOrder, moveOrder } from '../orders/repository.js'
import { orderNotCancellable } from './model.js'
import type { Refunder } from './refunder.js'

export interface RefundsServiceOptions {
  db: Db
  refunder: Refunder
  jobs: Jobs
  refundJob: JobDefinition<OrderReference>
  /** The request has this long to be answered by payments before the job asks too. Default: 10 000 ms. */
  resumeAfterMs?: number
}

export interface RefundsService {
  /**
   * Cancels a paid order and refunds it, once however often it is called. Stays `cancelling` while the refund's
   * outcome is unknown; a job then asks again with the same key until there is an answer, and so does calling again.
   */
  cancelOrder(id: string): Promise<OrderView>
}

export function createRefundsService(options: RefundsServiceOptions): RefundsService {
  const { db, refunder, jobs, refundJob, resumeAfterMs = 10_000 } = options

  async function cancelOrder(id: string): Promise<OrderView> {
    const order = await db.tx((tx) => beginCancelling(tx, id))
    return viewOrder(await refunder.refundOrder(order))
  }

  async function beginCancelling(tx: Tx, id: string): Promise<OrderRow> {
    const order = await findOrder(tx, id)
    if (!order) throw orderNotFound(id)
    const event = await findEventOnSale(tx, order.event_id)
    if (order.status === 'paid' && event && event.starts_at.getTime() <= Date.now()) throw eventStarted(event.id)
    const moved = await moveOrder(tx, id, { from: ['paid'], to: 'cancelling' })
    if (!moved) return await requireCancelling(tx, order)
    // With the move and not after the refund: this process may be gone by then.
    await jobs.send(tx, refundJob, { orderId: id }, { delayMs: resumeAfterMs })
    return moved
  }

  return { cancelOrder }
}

/** Read again: the row that we read first may have been moved by a twin in between. */
async function requireCancelling(tx: Tx, order: OrderRow): Promise<OrderRow> {
  const current = (await findOrder(tx, order.id)) ?? order
  if (current.status === 'cancelling' || current.status === 'cancelled') return current
  throw orderNotCancellable(order.id, current.status)
}
