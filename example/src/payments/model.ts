import { z } from 'zod'
import { BoxError } from '../utils/errors.js'
import type { ChargeStatus } from './tables.js'

export const newCharge = z.object({
  reference: z.string().min(1).max(100),
  cents: z.number().int().min(1).max(2_000_000_000),
  currency: z.string().regex(/^[A-Z]{3}$/),
})

/** Takes a payment back by its key: all of it is told, as it may not have come yet. */
export const newVoid = newCharge.extend({ paymentKey: z.string().min(1).max(255) })
export const chargeParams = z.object({ id: z.uuid() })
export const newRefund = z.object({ chargeId: z.uuid() })
export const findQuery = z.object({ key: z.string().min(1).max(255) })

export type NewCharge = z.infer<typeof newCharge>
export type NewVoid = z.infer<typeof newVoid>

export interface ChargeRow {
  id: string
  key: string | null
  reference: string
  amount_cents: number
  currency: string
  status: ChargeStatus
}

export interface ChargeView {
  id: string
  reference: string
  cents: number
  currency: string
  status: ChargeStatus
}

export function viewCharge(row: ChargeRow): ChargeView {
  const { id, reference, amount_cents: cents, currency, status } = row
  return { id, reference, cents, currency, status }
}

export function chargeNotFound(): BoxError {
  return new BoxError({
    code: 'BOX_PAY_CHARGE_NOT_FOUND',
    status: 404,
    message: 'There is no such charge.',
    fix: 'It may still be on its way: ask again, or send the charge again with the same key.',
  })
}

export function chargeVoided(): BoxError {
  return new BoxError({
    code: 'BOX_PAY_VOIDED',
    status: 409,
    message: 'This payment was voided before it came.',
    fix: 'Begin another payment under another key.',
  })
}

export function notCapturable(status: ChargeStatus): BoxError {
  return new BoxError({
    code: 'BOX_PAY_NOT_CAPTURABLE',
    status: 409,
    message: `This charge is ${status}; only an authorised one is captured.`,
    fix: 'Authorise the payment again under another key.',
    details: { chargeStatus: status },
  })
}

export function notRefundable(): BoxError {
  return new BoxError({
    code: 'BOX_PAY_NOT_REFUNDABLE',
    status: 409,
    message: 'This charge was not captured, or it has been refunded under another key.',
    fix: 'Refund a charge once, and only one that was captured.',
  })
}
