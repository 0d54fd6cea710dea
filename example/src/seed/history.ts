import type { Tx } from 'holdfast'
import { seedEmail } from './people.js'

export interface HistoryOptions {
  eventIds: readonly string[]
  /** Customers number 1 to this one exist. */
  customers: number
  batch: number
}

/**
 * Sells about half of the seats of past events, two to an order, as if it had happened, before there were holds (see
 * migration 0006). Everything set-based, and the payment key computed from batch, position and pair: with it the seats
 * find their orders without a round trip each. Not from event ids: a killed batch leaves a gap in those, and the same seed
 * must give the same history.
 */
export async function insertHistory(tx: Tx, { eventIds, customers, batch }: HistoryOptions): Promise<void> {
  await tx.query(insertOrdersSql, [eventIds, batch, customers])
  await tx.query(claimSeatsSql, [eventIds, batch])
  await tx.query(insertItemsSql, [eventIds])
}

/** The seats of the events, each with its event's position in the batch and its pair of neighbours. */
const numberedSeats = `
  select seats.id, event_id, price_cents, position,
         (row_number() over (partition by event_id order by seats.id) - 1) / 2 as pair,
         count(*) over (partition by event_id) / 4 as sold_pairs
    from unnest($1::bigint[]) with ordinality as event(id, position)
    join seats on seats.event_id = event.id`

const paymentKey = `md5('seed/' || $2::int || '/' || position || '/' || pair)::uuid`

const insertOrdersSql = `
  with sold as (
    select event_id, position, pair, sum(price_cents)::int as total_cents,
           1 + (position * 7919 + pair * 104729 + $2::bigint * 15485863) % $3::bigint as n
      from (${numberedSeats}) as seat
     where pair < sold_pairs
     group by event_id, position, pair)
  insert into orders (customer_id, event_id, status, standing_quantity, total_cents, currency, payment_key, charge_id,
                      created_at, paid_at)
  select customers.id, sold.event_id, 'paid', 0, sold.total_cents, events.currency, ${paymentKey}, 'seed', bought, bought
    from sold
    join events on events.id = sold.event_id
    join customers on customers.email = ${seedEmail},
         lateral (select events.starts_at - interval '30 days' + pair * interval '7 minutes') as sale(bought)`

const claimSeatsSql = `
  update seats set hold_id = -orders.id
    from (${numberedSeats}) as seat
    join orders on orders.payment_key = ${paymentKey}
   where seats.id = seat.id`

const insertItemsSql = `
  insert into order_items (order_id, line, seat_id, quantity, price_cents)
  select -hold_id, row_number() over (partition by hold_id order by id), id, 1, price_cents
    from seats where event_id = any($1::bigint[]) and hold_id is not null`
