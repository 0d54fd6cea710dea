import { Hono } from 'hono'
import { orderParams } from '../orders/model.js'
import { readIdempotencyKey } from 'holdfast/idempotency'
import { validate } from '../../utils/validate.js'
import type { RefundsService } from './service.js'

/** Mounted under /orders. */
export function createRefundsRoutes(refunds: RefundsService): Hono {
  return new Hono().post('/:id/cancel', async (c) => {
    const key = readIdempotencyKey(c.req.raw.headers)
    const order = await refunds.cancelOrder(key, validate(orderParams, c.req.param()).id)
    return c.json(order, order.status === 'cancelled' ? 200 : 202)
  })
}
