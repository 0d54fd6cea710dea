import type { SagaError, SagaStatus } from 'holdfast/sagas'
import { z } from 'zod'
import { BoxError } from '../../utils/errors.js'
import { idSchema } from '../../utils/validate.js'
import type { OrderView } from '../orders/model.js'

export const checkoutParams = z.object({ id: z.uuid() })

/** What a checkout is started with: ids only. */
export const checkoutInput = z.object({
  customerId: idSchema,
  eventId: idSchema,
  holdIds: z.array(idSchema).min(1).max(2),
})

export type CheckoutInput = z.infer<typeof checkoutInput>

export interface CheckoutView {
  id: string
  /** `compensating`: it is refused, and what was done is being taken back; `compensated`: it has been. */
  status: SagaStatus['state']
  /** Null: there is no order yet, or it came to none. */
  orderId: string | null
  /** Why it is refused. */
  refusal: { code: string; message: string } | null
}

export type Bought = { order: OrderView } | { checkout: CheckoutView }

export function viewCheckout({ id, state: status, error }: SagaStatus, orderId: string | null): CheckoutView {
  const refusal = status === 'stuck' || error === null ? null : describeRefusal(error)
  return { id, status, orderId, refusal: refusal && { code: refusal.code, message: refusal.message } }
}

export function checkoutNotFound(id: string): BoxError {
  return new BoxError({
    code: 'BOX_CHECKOUT_NOT_FOUND',
    status: 404,
    message: `There is no checkout ${id}.`,
    fix: 'Take the address from `location` of the answer 202 to POST /orders.',
  })
}

/** By the code of what made it fail: the rest of an error is not kept. */
const refusals: Record<string, { status: number; fix: string }> = {
  BOX_PAYMENT_DECLINED: {
    status: 402,
    fix: 'Order again with another means of payment and a new Idempotency-Key.',
  },
  BOX_EVENT_CANCELLED: { status: 409, fix: 'Choose another event. Nothing was bought.' },
  BOX_EVENT_STARTED: { status: 409, fix: 'Choose an event with a later `startsAt`. Nothing was bought.' },
  BOX_PAYMENTS_UNREACHABLE: { status: 503, fix: 'Order again in a minute with a new Idempotency-Key.' },
  BOX_PAYMENTS_SILENT: { status: 503, fix: 'Order again in a minute with a new Idempotency-Key.' },
  BOX_PAYMENTS_REFUSED: { status: 502, fix: 'Order again with a new Idempotency-Key.' },
}

/** Why nothing was bought, for the buyer. What is not the box office's own stays inside: the page Sagas has it. */
export function describeRefusal({ name, message }: SagaError): BoxError {
  const known = refusals[name]
  if (known) return new BoxError({ code: name as `BOX_${string}`, message, ...known })
  return new BoxError({
    code: 'BOX_CHECKOUT_FAILED',
    status: 503,
    message: 'The checkout did not come to its end; nothing is bought, and nothing stays charged.',
    fix: 'Order again with a new Idempotency-Key.',
  })
}
