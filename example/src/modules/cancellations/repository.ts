import type { Tx } from 'holdfast'
import { sql } from 'kysely'
import { qb, run, runOne } from '../../database/query-builder.js'

/** Waits for those who are making an order of it: whoever comes later sees that it is cancelled. */
export async function markCancelled(tx: Tx, eventId: string): Promise<void> {
  await run(tx, qb.selectFrom('events').select('id').where('id', '=', eventId).forUpdate())
  await run(
    tx,
    qb
      .updateTable('events')
      .set({ cancelled_at: sql<Date>`coalesce(cancelled_at, now())` })
      .where('id', '=', eventId),
  )
}

/** Moves the next paid orders of an event to `cancelling`, and gives their ids. */
export async function beginCancelling(tx: Tx, eventId: string, limit: number): Promise<string[]> {
  const paid = qb
    .selectFrom('orders')
    .select('id')
    .where('event_id', '=', eventId)
    .where('status', '=', 'paid')
    .orderBy('id')
    .limit(limit)
    .forUpdate()
  const rows = await run(
    tx,
    qb
      .updateTable('orders')
      .set({ status: 'cancelling' })
      .where('id', 'in', (eb) => eb.selectFrom(paid.as('paid')).select('paid.id'))
      .returning('id'),
  )
  return rows.map(({ id }) => id)
}

/** Orders that are, or may still become, money of ours. */
export async function hasOpenOrders(tx: Tx, eventId: string): Promise<boolean> {
  const row = await runOne(
    tx,
    qb
      .selectFrom('orders')
      .select('id')
      .where('event_id', '=', eventId)
      .where('status', 'in', ['pending', 'paid', 'cancelling'])
      .limit(1),
  )
  return row !== undefined
}
