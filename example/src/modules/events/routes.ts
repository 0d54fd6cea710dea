import { Hono } from 'hono'
import { validate } from '../../utils/validate.js'
import { browseQuery, eventParams, searchQuery } from './model.js'
import type { EventsService } from './service.js'

export function createEventsRoutes(events: EventsService): Hono {
  return new Hono()
    .get('/', async (c) => c.json(await events.browse(validate(browseQuery, c.req.query()))))
    .get('/search', async (c) => c.json(await events.search(validate(searchQuery, c.req.query()))))
    .get('/:id', async (c) => c.json(await events.getEvent(validate(eventParams, c.req.param()).id)))
}
