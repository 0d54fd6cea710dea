import { Hono } from 'hono'
import { validateBody } from '../../utils/validate.js'
import { auditSettings } from './model.js'
import type { AuditService } from './service.js'

/** Mounted under /audit. A PUT says how it is to be, so that asking again changes nothing: it needs no key. */
export function createAuditRoutes(audit: AuditService): Hono {
  return new Hono()
    .get('/', async (c) => c.json(await audit.describe()))
    .put('/', async (c) => {
      const { isOn } = await validateBody(auditSettings, c.req.raw)
      return c.json(await audit.turn(isOn))
    })
}
