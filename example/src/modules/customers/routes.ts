import { Hono } from 'hono'
import { readIdempotencyKey } from 'holdfast/idempotency'
import { validate, validateBody } from '../../utils/validate.js'
import { listOrdersQuery } from '../orders/model.js'
import type { OrdersService } from '../orders/service.js'
import { customerParams, newCustomer } from './model.js'
import type { CustomersService } from './service.js'

export function createCustomersRoutes(customers: CustomersService, orders: OrdersService): Hono {
  return new Hono()
    .post('/', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const customer = await customers.createCustomer(key, await validateBody(newCustomer, c.req.raw))
      return c.json(customer, 201)
    })
    .get('/:id/orders', async (c) => {
      const { id } = validate(customerParams, c.req.param())
      return c.json(await orders.listOrders(id, validate(listOrdersQuery, c.req.query())))
    })
}
