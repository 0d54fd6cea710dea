import { Hono } from 'hono'
import { idSchema, validate } from '../../utils/validate.js'
import { z } from 'zod'
import type { VenuesService } from './service.js'

const params = z.object({ id: idSchema })

export function createVenuesRoutes(venues: VenuesService): Hono {
  return new Hono().get('/:id', async (c) => {
    const { id } = validate(params, c.req.param())
    return c.json(await venues.getVenue(id))
  })
}
