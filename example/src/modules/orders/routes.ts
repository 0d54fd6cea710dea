import { Hono } from 'hono'
import { readIdempotencyKey } from 'holdfast/idempotency'
import { validate, validateBody } from '../../utils/validate.js'
import { isOpen, newOrder, orderParams } from './model.js'
import type { OrdersService } from './service.js'

export function createOrdersRoutes(orders: OrdersService): Hono {
  return new Hono()
    .post('/', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const order = await orders.buy(key, await validateBody(newOrder, c.req.raw))
      c.header('location', `/orders/${order.id}`)
      // 202: the places are held and the payment is being asked for; GET the order to learn the outcome.
      return c.json(order, isOpen(order) ? 202 : 201)
    })
    .get('/:id', async (c) => c.json(await orders.getOrder(validate(orderParams, c.req.param()).id)))
}
