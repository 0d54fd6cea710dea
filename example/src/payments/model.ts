import { z } from 'zod'
import { BoxError } from '../utils/errors.js'

export const newCharge = z.object({
  reference: z.string().min(1).max(100),
  cents: z.number().int().min(1).max(2_000_000_000),
  currency: z.string().regex(/^[A-Z]{3}$/),
})

export const newRefund = z.object({ chargeId: z.uuid() })
export const findQuery = z.object({ key: z.string().min(1).max(255) })

export type NewCharge = z.infer<typeof newCharge>

export interface ChargeRow {
  id: string
  key: string | null
  reference: string
  amount_cents: number
  currency: string
  status: 'charged' | 'declined'
}

export interface ChargeView {
  id: string
  reference: string
  cents: number
  currency: string
  status: 'charged' | 'declined'
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

export function notRefundable(): BoxError {
  return new BoxError({
    code: 'BOX_PAY_NOT_REFUNDABLE',
    status: 409,
    message: 'This charge was declined, or it has been refunded under another key.',
    fix: 'Refund a charge once, and only one that was charged.',
  })
}
