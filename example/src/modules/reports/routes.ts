import { Hono } from 'hono'
import type { JobEndpoints } from 'holdfast/http'
import { readIdempotencyKey } from 'holdfast/idempotency'
import { validate } from '../../utils/validate.js'
import { reportParams } from './model.js'
import type { ReportsService } from './service.js'

/** Mounted under /events. 202: the report is on its way; `Location` says where to look, listen or cancel. */
export function createReportsRoutes(reports: ReportsService, endpoints: JobEndpoints): Hono {
  return new Hono().post('/:id/report', async (c) => {
    const key = readIdempotencyKey(c.req.raw.headers)
    return endpoints.accept(await reports.requestReport(key, validate(reportParams, c.req.param()).id))
  })
}

/** Mounted under /reports: how the report stands, the same as server-sent events, and its cancellation. */
export function createReportRunsRoutes(endpoints: JobEndpoints): Hono {
  return new Hono()
    .get('/:id', async (c) => await endpoints.fetch(c.req.raw))
    .get('/:id/events', async (c) => await endpoints.fetch(c.req.raw))
    .delete('/:id', async (c) => await endpoints.fetch(c.req.raw))
}
