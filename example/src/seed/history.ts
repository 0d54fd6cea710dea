import type { Tx } from 'holdfast'
import { seedEmail } from './people.js'

export interface HistoryOptions {
  eventIds: readonly string[]
  /** Customers number 1 to this one exist. */
  customers: number
  /** Moves the choice of customers, so that batches differ. */
  batch: number
}

/**
 * Sells about half of the seats of past events, two to an order, as if it had happened. Everything set-based, and the
 * payment key computed from event and number: with it the seats find their orders without a round trip per order.
 */
export async function insertHistory(tx: Tx, { eventIds, customers, batch }: HistoryOptions): Promise<void> {
  await tx.query(insertOrdersSql, [eventIds, customers, batch])
  await tx.query(claimSeatsSql, [eventIds])
  await tx.query(insertItemsSql, [eventIds])
}

const paymentKey = `md5('seed/' || event_id || '/' || pair)::uuid`

/** Pairs of neighbouring seats of an event, the first half of them. */
const soldPairs = `
  select event_id, pair, sum(price_cents)::int as total_cents
    from (select event_id, price_cents, (row_number() over w - 1) / 2 as pair,
                 count(*) over (partition by event_id) / 4 as pairs
            from seats where event_id = any($1::bigint[]) window w as (partition by event_id order by id)) as numbered
   where pair < pairs
   group by event_id, pair`

const insertOrdersSql = `
  insert into orders (customer_id, event_id, status, standing_quantity, total_cents, currency, payment_key, charge_id,
                      created_at, paid_at)
  select customers.id, sold.event_id, 'paid', 0, sold.total_cents, events.currency, ${paymentKey}, 'seed',
         events.starts_at - interval '30 days' + pair * interval '7 minutes',
         events.starts_at - interval '30 days' + pair * interval '7 minutes'
    from (select *, 1 + ((event_id * 7919 + pair * 104729 + $3::int) % $2::int)::int as n
            from (${soldPairs}) as pairs) as sold
    join events on events.id = sold.event_id
    join customers on customers.email = ${seedEmail}`

const claimSeatsSql = `
  update seats set order_id = orders.id
    from (select id, event_id, ${paymentKey} as payment_key
            from (select id, event_id, (row_number() over (partition by event_id order by id) - 1) / 2 as pair
                    from seats where event_id = any($1::bigint[])) as numbered) as mine
    join orders on orders.payment_key = mine.payment_key
   where seats.id = mine.id`

const insertItemsSql = `
  insert into order_items (order_id, line, seat_id, quantity, price_cents)
  select order_id, row_number() over (partition by order_id order by id), id, 1, price_cents
    from seats where event_id = any($1::bigint[]) and order_id is not null`
