import type { OrderStatus } from '../../database/tables.js'
import { BoxError } from '../../utils/errors.js'

export function orderNotCancellable(id: string, status: OrderStatus): BoxError {
  return new BoxError({
    code: 'BOX_ORDER_NOT_CANCELLABLE',
    status: 409,
    message: `Order ${id} is ${status}; only a paid order can be cancelled.`,
    fix: 'Read the order again; while it is pending, wait until its checkout has ended.',
    details: { status },
  })
}

export function refundRefused(id: string): BoxError {
  return new BoxError({
    code: 'BOX_REFUND_REFUSED',
    status: 409,
    message: `Payments refused to refund order ${id}; the order stays paid.`,
    fix: 'Ask the box office to look into the charge; another attempt takes a new Idempotency-Key.',
  })
}

export function refundUnknown(id: string): BoxError {
  return new BoxError({
    code: 'BOX_REFUND_UNKNOWN',
    status: 503,
    message: `Payments did not say what became of the refund of order ${id}.`,
    fix: 'Ask again with the same key; nothing is refunded twice.',
  })
}
