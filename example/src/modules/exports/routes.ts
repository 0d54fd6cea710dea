import { Hono } from 'hono'
import { validate } from '../../utils/validate.js'
import { customerParams } from '../customers/model.js'
import type { ExportsService } from './service.js'

/**
 * Mounted under /customers. The one POST without an Idempotency-Key: `idempotency.run` keeps a transaction open, and a
 * connection with it, for as long as its body runs, and here that is the reading of all orders. Nor is there anything for
 * a key to protect: two at once are kept apart by the lock, and one after the other the second replaces what the first
 * wrote. Under a key, whoever asks again would be answered with the export of then.
 */
export function createExportsRoutes(exports: ExportsService): Hono {
  return new Hono()
    .post('/:id/order-export', async (c) =>
      c.json(await exports.exportOrders(validate(customerParams, c.req.param()).id)),
    )
    .get('/:id/order-export', async (c) => {
      const { id } = validate(customerParams, c.req.param())
      const csv = await exports.getCsv(id)
      return c.body(csv, 200, {
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': `attachment; filename="orders-${id}.csv"`,
        'cache-control': 'no-store',
      })
    })
}
