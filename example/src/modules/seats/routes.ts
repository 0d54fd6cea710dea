import { Hono } from 'hono'
import { validate } from '../../utils/validate.js'
import { eventParams } from '../events/model.js'
import { seatMapQuery } from './model.js'
import type { SeatsService } from './service.js'

/** Mounted under /events. */
export function createSeatsRoutes(seats: SeatsService): Hono {
  return new Hono().get('/:id/seats', async (c) => {
    const { id } = validate(eventParams, c.req.param())
    return c.json(await seats.getSeatMap(id, validate(seatMapQuery, c.req.query())))
  })
}
