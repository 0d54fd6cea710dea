import { Hono } from 'hono'
import { validate } from '../../utils/validate.js'
import { checkoutParams } from './model.js'
import type { CheckoutsService } from './service.js'

export function createCheckoutsRoutes(checkouts: CheckoutsService): Hono {
  return new Hono().get('/:id', async (c) =>
    c.json(await checkouts.getCheckout(validate(checkoutParams, c.req.param()).id)),
  )
}
