import { Hono } from 'hono'
import { readIdempotencyKey } from 'holdfast/idempotency'
import { validate, validateBody } from '../../utils/validate.js'
import { eventParams } from '../events/model.js'
import { holdOwnerQuery, holdParams, newHold } from './model.js'
import type { HoldsService } from './service.js'

export function createHoldsRoutes(holds: HoldsService): Hono {
  return new Hono()
    .post('/events/:id/holds', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const { id } = validate(eventParams, c.req.param())
      return c.json(await holds.hold(key, id, await validateBody(newHold, c.req.raw)), 201)
    })
    .delete('/holds/:id', async (c) => {
      const { id } = validate(holdParams, c.req.param())
      return c.json({ released: await holds.release(id, validate(holdOwnerQuery, c.req.query()).customerId) })
    })
}
