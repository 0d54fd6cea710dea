import { defineSaga, type SagaDefinition } from 'holdfast/sagas'
import type { JobDefinition, Jobs } from 'holdfast/jobs'
import { z } from 'zod'
import type { OrderReference } from '../orders/model.js'
import { beginCancelling, hasOpenOrders, markCancelled } from './repository.js'

const pageSize = 100
const firstPauseMs = 1_000
const longestPauseMs = 60_000

export const eventReference = z.object({ eventId: z.string() })
export type EventReference = z.infer<typeof eventReference>

export interface CancelEventOptions {
  jobs: Jobs
  refundJob: JobDefinition<OrderReference>
}

/**
 * Cancels an event: its sale ends, and every order of it is refunded, a job each. It has ended when no order of the event is
 * money of ours, or may become it: one whose payment was unknown and turns out to have succeeded is refunded as well.
 */
export function createCancelEvent({
  jobs,
  refundJob,
}: CancelEventOptions): SagaDefinition<EventReference, { refunds: number }> {
  return defineSaga('cancel-event', { version: 1, input: eventReference }, async (s, { eventId }) => {
    await s.tx('stop-sale', { do: async (tx) => await markCancelled(tx, eventId) })
    // People have been told: what follows can only be finished.
    await s.pivot('announced')
    let refunds = 0
    for (let round = 1, pauseMs = firstPauseMs; ; round++) {
      const { sent, isLast } = await s.tx(`refund-${round}`, {
        do: async (tx) => {
          const ids = await beginCancelling(tx, eventId, pageSize)
          // With the move: a job exists for each order that is to be refunded, and for no other.
          if (ids.length > 0)
            await jobs.sendMany(
              tx,
              refundJob,
              ids.map((orderId) => ({ orderId })),
            )
          return { sent: ids.length, isLast: ids.length === 0 && !(await hasOpenOrders(tx, eventId)) }
        },
      })
      refunds += sent
      if (isLast) return { refunds }
      if (sent === pageSize) continue
      await s.sleep(`pause-${round}`, pauseMs)
      pauseMs = Math.min(longestPauseMs, pauseMs * 2)
    }
  })
}
