import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, type Tx } from 'holdfast'
import { createIdempotency } from 'holdfast/idempotency'
import { createOrderTables, resetOrders, verifyOrders } from '../contests/holds/order-tables.js'
import { serveRoutes } from '../contests/holds/serve.js'
import type { Stretch, Subject } from '../harness/types.js'

const PRICE_CENTS = 4_500
const CUSTOMER = '42'

/** The same transaction under two addresses, with a key and without. Defaults, but for a connection for each client. */
const subject: Subject = {
  open: async (url, lanes) => {
    const db = await connect({ url, pool: { max: lanes } })
    await db.migrate()
    await createOrderTables(db)
    await resetOrders(db)
    const idempotency = createIdempotency(db)
    const server = serveRoutes({
      '/orders': async (request) =>
        await idempotency.handle(request, { route: 'POST /orders', principal: CUSTOMER }, placeOrder),
      '/bare-orders': async (request) => await db.tx(async (tx) => await placeOrder(tx, request)),
    })
    let cpu = process.cpuUsage()
    const end = async (requests: number, answers: number): Promise<Stretch> => {
      const { user, system } = process.cpuUsage(cpu)
      await verifyOrders(db, requests, answers)
      await resetOrders(db)
      return { operations: requests, seconds: 0, cpuUs: user + system }
    }
    return {
      operations: {},
      measures: {
        listen: async () => {
          await once(server.listen(0, '127.0.0.1'), 'listening')
          return { operations: 0, seconds: 0, cpuUs: 0, samples: [(server.address() as AddressInfo).port] }
        },
        begin: async () => {
          cpu = process.cpuUsage()
          return await Promise.resolve({ operations: 0, seconds: 0, cpuUs: 0 })
        },
        end_handled: async (requests) => await end(requests, requests),
        end_bare: async (requests) => await end(requests, 0),
      },
      close: async () => {
        server.close()
        await idempotency.close()
        await db.close()
      },
    }
  },
}

/** As the box office reserves places: the row that others may wait for comes last. */
async function placeOrder(tx: Tx, request: Request): Promise<Response> {
  const { eventId, quantity } = (await request.json()) as { eventId: string; quantity: number }
  const cents = quantity * PRICE_CENTS
  const [order] = await tx.sql<{ id: string }>`
    insert into bench_orders (customer_id, event_id, status, standing_quantity, total_cents, currency)
    values (${CUSTOMER}, ${eventId}, 'pending', ${quantity}, ${cents}, 'EUR') returning id`
  await tx.sql`
    insert into bench_order_items (order_id, line, quantity, price_cents)
    values (${order?.id}, 1, ${quantity}, ${PRICE_CENTS})`
  const [left] = await tx.sql`
    update bench_standing_stock set remaining = remaining - ${quantity}
     where event_id = ${eventId} and remaining >= ${quantity} returning remaining`
  if (!left) throw new Error('Sold out.')
  return Response.json({ id: order?.id, eventId, quantity, totalCents: cents, status: 'pending' }, { status: 201 })
}

export default subject
