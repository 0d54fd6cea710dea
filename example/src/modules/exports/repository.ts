import type { Queryable, Tx } from 'holdfast'
import { qb, run, runOne } from '../../database/query-builder.js'
import type { ExportedOrder, ExportRow, NewExport } from './model.js'

export interface OrdersPage {
  customerId: string
  /** Orders after this id; '0' for the first page. */
  afterId: string
  limit: number
  signal: AbortSignal
}

/** The next orders of a customer, oldest first, by the index on (customer_id, id). */
export function listOrdersToExport(
  on: Queryable,
  { customerId, afterId, limit, signal }: OrdersPage,
): Promise<ExportedOrder[]> {
  const query = qb
    .selectFrom('orders')
    .innerJoin('events', 'events.id', 'orders.event_id')
    .select(['orders.id', 'orders.event_id', 'events.title', 'orders.status'])
    .select(['orders.total_cents', 'orders.currency', 'orders.created_at'])
    .where('orders.customer_id', '=', customerId)
    .where('orders.id', '>', afterId)
    .orderBy('orders.id')
    .limit(limit)
  return run(on, query, { signal })
}

/** In place of the customer's last export, in one statement: a reader sees the one or the other, never a half. */
export async function replaceExport(tx: Tx, { customerId, orders, csv, fence }: NewExport): Promise<ExportRow> {
  const rows = await run(
    tx,
    qb
      .insertInto('order_exports')
      .values({ customer_id: customerId, orders, csv, fence: String(fence) })
      .onConflict((conflict) =>
        conflict.column('customer_id').doUpdateSet((eb) => ({
          made_at: eb.ref('excluded.made_at'),
          orders: eb.ref('excluded.orders'),
          csv: eb.ref('excluded.csv'),
          fence: eb.ref('excluded.fence'),
        })),
      )
      .returning(['customer_id', 'made_at', 'orders']),
  )
  return rows[0] as ExportRow
}

export async function findExportCsv(on: Queryable, customerId: string): Promise<string | undefined> {
  const query = qb.selectFrom('order_exports').select('csv').where('customer_id', '=', customerId)
  return (await runOne(on, query))?.csv
}
