import type { Context, MiddlewareHandler, Next } from 'hono'
import type { AuditLog } from './audit-log.js'

/** A line for each request, once it has been answered. While the dial is off a request passes through. */
export function auditRequests(log: AuditLog): MiddlewareHandler {
  async function passAndWrite(c: Context, next: Next): Promise<void> {
    await next()
    log.write({ at: new Date().toISOString(), method: c.req.method, path: c.req.path, status: c.res.status })
  }
  return (c, next) => (log.isOn ? passAndWrite(c, next) : next())
}
