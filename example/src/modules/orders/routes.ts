import { Hono } from 'hono'
import { readIdempotencyKey } from 'holdfast/idempotency'
import { validate, validateBody } from '../../utils/validate.js'
import type { CheckoutsService } from '../checkouts/service.js'
import { newOrder, orderParams } from './model.js'
import type { OrdersService } from './service.js'

export function createOrdersRoutes(orders: OrdersService, checkouts: CheckoutsService): Hono {
  return new Hono()
    .post('/', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const bought = await checkouts.buy(key, await validateBody(newOrder, c.req.raw))
      // 202: the places are held and the payment is under way; GET the checkout to learn the outcome.
      if ('checkout' in bought) return c.json(bought.checkout, 202, { location: `/checkouts/${bought.checkout.id}` })
      return c.json(bought.order, 201, { location: `/orders/${bought.order.id}` })
    })
    .get('/:id', async (c) => c.json(await orders.getOrder(validate(orderParams, c.req.param()).id)))
}
