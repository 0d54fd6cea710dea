import type { Db, Tx } from 'holdfast'
import type { Idempotency } from 'holdfast/idempotency'
import type { JobDefinition, Jobs } from 'holdfast/jobs'
import { eventStarted } from '../events/model.js'
import { findEventOnSale } from '../events/repository.js'
import { viewOrder, type OrderReference, type OrderView } from '../orders/model.js'
import { moveOrder, requireOrder } from '../orders/repository.js'
import { orderNotCancellable, refundRefused } from './model.js'
import type { Refunder } from './refunder.js'

export interface RefundsServiceOptions {
  db: Db
  refunder: Refunder
  jobs: Jobs
  refundJob: JobDefinition<OrderReference>
  idempotency: Idempotency
  /** The request has this long to be answered by payments before the job asks too. Default: 10 000 ms. */
  resumeAfterMs?: number
}

export interface RefundsService {
  /**
   * Cancels a paid order and refunds it, once however often it is called. Stays `cancelling` while the refund's
   * outcome is unknown; a job then asks again until there is an answer, and so does calling again. Where payments refused,
   * the same key is refused again and a new one may try anew.
   * @throws BOX_ORDER_NOT_CANCELLABLE, BOX_REFUND_REFUSED, HF_IDEMPOTENCY_…, …
   */
  cancelOrder(key: string, id: string): Promise<OrderView>
}

export function createRefundsService(options: RefundsServiceOptions): RefundsService {
  const { db, refunder, jobs, refundJob, idempotency, resumeAfterMs = 10_000 } = options

  async function cancelOrder(key: string, id: string): Promise<OrderView> {
    const { customer_id: customerId } = await requireOrder(db, id)
    const call = { scope: 'POST /orders/:id/cancel', principal: `customer:${customerId}`, key, input: { id } }
    await idempotency.run(call, (tx) => beginCancelling(tx, id))
    const settled = await refunder.refundOrder(await requireOrder(db, id))
    // Payments refused when this key came first; whoever tries again means it, and has a new one.
    if (settled.status === 'paid') throw refundRefused(id)
    return viewOrder(settled)
  }

  async function beginCancelling(tx: Tx, id: string): Promise<void> {
    const moved = await moveOrder(tx, id, { from: ['paid'], to: 'cancelling' })
    if (!moved) return await requireCancelling(tx, id)
    const event = await findEventOnSale(tx, moved.event_id)
    if (event && event.starts_at.getTime() <= Date.now()) throw eventStarted(event.id)
    // With the move and not after the refund: this process may be gone by then.
    await jobs.send(tx, refundJob, { orderId: id }, { delayMs: resumeAfterMs })
  }

  return { cancelOrder }
}

async function requireCancelling(tx: Tx, id: string): Promise<void> {
  const { status } = await requireOrder(tx, id)
  if (status !== 'cancelling' && status !== 'cancelled') throw orderNotCancellable(id, status)
}
