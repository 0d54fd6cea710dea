import { Hono } from 'hono'
import { readIdempotencyKey } from 'holdfast/idempotency'
import { validate } from '../../utils/validate.js'
import { eventParams } from '../events/model.js'
import type { CancellationsService } from './service.js'

/** Mounted under /events. */
export function createCancellationsRoutes(cancellations: CancellationsService): Hono {
  return new Hono()
    .post('/:id/cancel', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const { id } = validate(eventParams, c.req.param())
      return c.json(await cancellations.cancelEvent(key, id), 202, { location: `/events/${id}/cancellation` })
    })
    .get('/:id/cancellation', async (c) =>
      c.json(await cancellations.getCancellation(validate(eventParams, c.req.param()).id)),
    )
}
