import { Hono } from 'hono'
import { validate, validateBody } from '../../utils/validate.js'
import { customerParams } from '../customers/model.js'
import type { Importer } from './importer.js'
import { historyQuery, importSettings } from './model.js'
import type { HistoryService } from './service.js'

/** Mounted under /customers. */
export function createHistoryRoutes(history: HistoryService): Hono {
  return new Hono().get('/:id/history', async (c) => {
    const { id } = validate(customerParams, c.req.param())
    return c.json(await history.listHistory(id, validate(historyQuery, c.req.query())))
  })
}

/** Mounted under /history. A PUT says how it is to be, so that asking again changes nothing: it needs no key. */
export function createImportRoutes(importer: Importer): Hono {
  return new Hono()
    .get('/', async (c) => c.json(await importer.describe()))
    .put('/', async (c) => {
      const { orders } = await validateBody(importSettings, c.req.raw)
      return c.json(orders === 0 ? await importer.takeBack() : await importer.grow(orders), 202)
    })
}
