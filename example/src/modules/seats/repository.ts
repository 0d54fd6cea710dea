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
      .select((eb) => eb('hold_id', 'is', null).$castTo<boolean>().as('is_free'))
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

/** Seats sold before there were holds: they carry their order's id below zero. */
export async function releaseUnheldSeats(tx: Tx, eventId: string, orderId: string): Promise<void> {
  await run(
    tx,
    qb.updateTable('seats').set({ hold_id: null }).where('event_id', '=', eventId).where('hold_id', '=', `-${orderId}`),
  )
}

export async function countSeatsLeft(on: Queryable, eventId: string): Promise<number> {
  const row = await runOne(
    on,
    qb
      .selectFrom('seats')
      .select(sql<number>`count(*)::int`.as('left'))
      .where('event_id', '=', eventId)
      .where('hold_id', 'is', null),
  )
  return row?.left ?? 0
}
