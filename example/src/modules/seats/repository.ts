import type { Queryable, Tx } from 'holdfast'
import { sql } from 'kysely'
import { qb, run, runOne } from '../../database/query-builder.js'
import type { SeatMapQuery, SeatRow } from './model.js'

/** One row more than asked for tells whether there is more. */
export function listSeats(on: Queryable, eventId: string, { after = '0', limit }: SeatMapQuery): Promise<SeatRow[]> {
  return run(
    on,
    qb
      .selectFrom('seats')
      .select(['id', 'section', 'row_label', 'seat_number', 'price_cents'])
      .select((eb) => eb('order_id', 'is', null).$castTo<boolean>().as('is_free'))
      .where('event_id', '=', eventId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit + 1),
  )
}

export function findSeatPrices(on: Queryable, eventId: string, seatIds: readonly string[]) {
  return run(
    on,
    qb
      .selectFrom('seats')
      .select(['id', 'price_cents'])
      .where('event_id', '=', eventId)
      .where('id', '=', sql<string>`any(${seatIds}::bigint[])`),
  )
}

/**
 * Gives all the seats to an order, or none, in one statement. They are locked in id order, because two buyers who lock
 * the same two seats in opposite order deadlock; a seat that another transaction just sold drops out when its lock is
 * granted, so the count decides on what is true now.
 */
export async function takeSeats(tx: Tx, seatIds: readonly string[], orderId: string): Promise<boolean> {
  const taken = await run(
    tx,
    qb
      .with('free', (cte) =>
        cte
          .selectFrom('seats')
          .select('id')
          .where('id', '=', sql<string>`any(${seatIds}::bigint[])`)
          .where('order_id', 'is', null)
          .orderBy('id')
          // Not FOR UPDATE: the buyers' order items refer to these seats and so hold FOR KEY SHARE on them already. Two of
          // them would each wait for the other, and deadlock.
          .forNoKeyUpdate(),
      )
      .updateTable('seats')
      .from('free')
      .set({ order_id: orderId })
      .whereRef('seats.id', '=', 'free.id')
      .where((eb) => eb(eb.selectFrom('free').select(eb.fn.countAll().as('count')), '=', String(seatIds.length)))
      .returning('seats.id'),
  )
  return taken.length === seatIds.length
}

export async function releaseSeats(tx: Tx, orderId: string): Promise<void> {
  await run(tx, qb.updateTable('seats').set({ order_id: null }).where('order_id', '=', orderId))
}

export async function findTakenSeats(on: Queryable, seatIds: readonly string[]): Promise<string[]> {
  const rows = await run(
    on,
    qb
      .selectFrom('seats')
      .select('id')
      .where('id', '=', sql<string>`any(${seatIds}::bigint[])`)
      .where('order_id', 'is not', null)
      .orderBy('id'),
  )
  return rows.map((row) => row.id)
}

export async function countSeatsLeft(on: Queryable, eventId: string): Promise<number> {
  const row = await runOne(
    on,
    qb
      .selectFrom('seats')
      .select(sql<number>`count(*)::int`.as('left'))
      .where('event_id', '=', eventId)
      .where('order_id', 'is', null),
  )
  return row?.left ?? 0
}
