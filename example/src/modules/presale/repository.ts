import type { Db, Tx } from 'holdfast'
import type { PresaleView } from './model.js'

type On = Pick<Db, 'sql'> | Pick<Tx, 'sql'>

export async function findRemaining(on: On, eventId: string): Promise<number | undefined> {
  const [row] = await on.sql<{ remaining: number }>`select remaining from presale_passes where event_id = ${eventId}`
  return row?.remaining
}

export async function writeRemaining(on: On, eventId: string, remaining: number): Promise<void> {
  await on.sql`update presale_passes set remaining = ${remaining} where event_id = ${eventId}`
}

/** Checks and takes in one statement. */
export async function takePasses(on: On, eventId: string, count: number): Promise<boolean> {
  const rows = await on.sql`update presale_passes set remaining = remaining - ${count}
    where event_id = ${eventId} and remaining >= ${count} returning event_id`
  return rows.length > 0
}

export async function isCodeUsed(on: On, code: string): Promise<boolean> {
  return (await on.sql`select id from presale_redemptions where code = ${code}`).length > 0
}

export async function insertRedemption(on: On, code: string, customerId: string): Promise<void> {
  await on.sql`insert into presale_redemptions (code, customer_id) values (${code}, ${customerId})`
}

/** Who asks for the same code waits until the transaction of the first has ended. */
export async function lockCode(tx: Tx, code: string): Promise<void> {
  await tx.sql`select pg_advisory_xact_lock(hashtext(${code}))`
}

/** Whoever takes a seat for a customer waits for who does so already. */
export async function lockCustomer(tx: Tx, customerId: string): Promise<void> {
  await tx.sql`select id from customers where id = ${customerId} for update`
}

export async function countSeats(on: On, eventId: string, customerId: string): Promise<number> {
  const [row] = await on.sql<{ seats: number }>`select count(*)::int as seats from presale_seats
    where event_id = ${eventId} and customer_id = ${customerId}`
  return row?.seats ?? 0
}

export async function takeSeat(on: On, eventId: string, seatNumber: number, customerId: string): Promise<boolean> {
  const rows = await on.sql`update presale_seats set customer_id = ${customerId}
    where event_id = ${eventId} and seat_number = ${seatNumber} and customer_id is null returning seat_number`
  return rows.length > 0
}

/** All that there was is gone, and the next events are sold. */
export async function openPresale(tx: Tx, events: number, passes: number, seats: number): Promise<string[]> {
  await closePresale(tx)
  const rows = await tx.sql<{ event_id: string }>`insert into presale_passes (event_id, remaining)
    select id, ${passes} from events where starts_at > now() order by starts_at, id limit ${events} returning event_id`
  await tx.sql`insert into presale_seats (event_id, seat_number)
    select event_id, seat_number from presale_passes, generate_series(1, ${seats}::int) seat_number`
  return rows.map(({ event_id }) => event_id)
}

export async function closePresale(tx: Tx): Promise<void> {
  for (const table of ['presale_passes', 'presale_redemptions', 'presale_seats']) await tx.query(`delete from ${table}`)
}

/** What nobody was told: `sold` is what the shop has answered; what is being sold may be written already. */
export async function measureHarm(
  on: On,
  passes: number,
  mostSeats: number,
  sold: number,
): Promise<PresaleView['harm']> {
  const [row] = await on.sql<PresaleView['harm']>`select
    greatest(${sold}::int - (select coalesce(sum(${passes}::int - remaining), 0) from presale_passes), 0)::int as oversold,
    (select count(*) from (select code from presale_redemptions group by code having count(*) > 1) twice)::int as "codesUsedTwice",
    (select count(*) from (select customer_id from presale_seats where customer_id is not null
      group by event_id, customer_id having count(*) > ${mostSeats}::int) over_limit)::int as "customersOverLimit"`
  return row ?? { oversold: 0, codesUsedTwice: 0, customersOverLimit: 0 }
}
