import { z } from 'zod'
import { BoxError } from '../../utils/errors.js'
import type { Money } from '../../utils/money.js'

export const chargeAnswer = z.object({ id: z.uuid() })
export const refundAnswer = z.object({ id: z.uuid() })
/** A problem that says of itself that it may pass. */
export const askAgain = z.object({ retryable: z.literal(true) })

export interface Payment {
  /** The same at every attempt for one payment; a new key would be a new charge. */
  key: string
  reference: string
  amount: Money
}

export interface ChargeReference {
  key: string
  chargeId: string
}

export type RefundOutcome = { kind: 'refunded'; refundId: string } | { kind: 'refused' } | { kind: 'unknown' }

export function paymentDeclined(): BoxError {
  return new BoxError({
    code: 'BOX_PAYMENT_DECLINED',
    status: 402,
    message: 'The payment was declined; its places are on sale again.',
    fix: 'Order again with another means of payment and a new Idempotency-Key.',
  })
}

/** Nothing of this call has left us. */
export function paymentsUnreachable(): BoxError {
  return new BoxError({
    code: 'BOX_PAYMENTS_UNREACHABLE',
    status: 503,
    message: 'The payments service cannot be reached; nothing is charged.',
    fix: 'Order again in a minute with a new Idempotency-Key.',
  })
}

/** It may have done what it was asked for, and it may not. */
export function paymentsSilent(): BoxError {
  return new BoxError({
    code: 'BOX_PAYMENTS_SILENT',
    status: 503,
    message: 'The payments service did not say what became of the payment; it is taken back.',
    fix: 'Order again in a minute with a new Idempotency-Key; nothing stays charged.',
  })
}

/** It says that it did nothing. */
export function paymentsRefused(status: number): BoxError {
  return new BoxError({
    code: 'BOX_PAYMENTS_REFUSED',
    status: 502,
    message: `The payments service refused the payment (status ${status}); nothing is charged.`,
    fix: 'Order again with a new Idempotency-Key.',
  })
}
