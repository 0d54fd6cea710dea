import { z } from 'zod'
import { BoxError } from '../../utils/errors.js'
import type { Money } from '../../utils/money.js'

export const chargeAnswer = z.object({ id: z.uuid(), status: z.enum(['charged', 'declined']) })
export const refundAnswer = z.object({ id: z.uuid() })
/** A problem that says of itself that it may pass. */
export const askAgain = z.object({ retryable: z.literal(true) })

export interface ChargeRequest {
  /** The same at every attempt for one order; a new key would be a new charge. */
  key: string
  reference: string
  amount: Money
}

export interface RefundRequest {
  key: string
  chargeId: string
}

/** `unreachable` is known not to have charged; `unknown` may have, so neither the money nor the seats may be touched. */
export type ChargeOutcome =
  { kind: 'charged' | 'declined'; chargeId: string } | { kind: 'unreachable' } | { kind: 'unknown' }

export type RefundOutcome = { kind: 'refunded'; refundId: string } | { kind: 'refused' } | { kind: 'unknown' }

export function paymentDeclined(orderId: string): BoxError {
  return new BoxError({
    code: 'BOX_PAYMENT_DECLINED',
    status: 402,
    message: `The payment of order ${orderId} was declined; its places are on sale again.`,
    fix: 'Order again with another means of payment and a new Idempotency-Key.',
    details: { orderId },
  })
}

export function paymentsUnreachable(orderId: string): BoxError {
  return new BoxError({
    code: 'BOX_PAYMENTS_UNREACHABLE',
    status: 503,
    message: `The payments service cannot be reached; nothing was charged for order ${orderId} and its places are free.`,
    fix: 'Order again in a minute with a new Idempotency-Key.',
    details: { orderId },
  })
}
