import { defineJob, type JobDefinition } from 'holdfast/jobs'
import { BoxError } from '../../utils/errors.js'
import { orderReference, type OrderReference } from '../orders/model.js'
import type { Refunder } from './refunder.js'

/**
 * Finishes a cancellation that its request left open: the answer was lost, or the process died. At least once suffices,
 * because every attempt carries the order's own refund key; in a transaction it would wait for the network inside.
 */
export function createRefundJob(refunder: Refunder): JobDefinition<OrderReference> {
  return defineJob('refund', {
    schema: orderReference,
    // About a day; then it is a dead letter for somebody to look into.
    attempts: 100,
    maxBackoffMs: 900_000,
    isRetryable: (error) => !isRefused(error),
    handler: async ({ payload }) => await refunder.resumeRefund(payload.orderId),
  })
}

function isRefused(error: unknown): boolean {
  return error instanceof BoxError && error.code === 'BOX_REFUND_REFUSED'
}
