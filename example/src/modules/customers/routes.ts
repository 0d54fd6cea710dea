import { Hono } from 'hono'
import { readIdempotencyKey } from 'holdfast/idempotency'
import { validate, validateBody } from '../../utils/validate.js'
import { listOrdersQuery } from '../orders/model.js'
import type { Importer } from '../history/importer.js'
import type { OrdersService } from '../orders/service.js'
import { customerParams, newCustomer } from './model.js'
import type { CustomersService } from './service.js'

export interface CustomersParts {
  customers: CustomersService
  orders: OrdersService
  importer: Pick<Importer, 'hasHistory'>
}

export function createCustomersRoutes({ customers, orders, importer }: CustomersParts): Hono {
  return new Hono()
    .post('/', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const customer = await customers.createCustomer(key, await validateBody(newCustomer, c.req.raw))
      return c.json(customer, 201)
    })
    .get('/:id/orders', async (c) => {
      const { id } = validate(customerParams, c.req.param())
      const page = await orders.listOrders(id, validate(listOrdersQuery, c.req.query()))
      // Whoever was a customer before this shop was there may read on in what was imported.
      return c.json(page, 200, importer.hasHistory(id) ? { link: `</customers/${id}/history>; rel="archives"` } : {})
    })
}
