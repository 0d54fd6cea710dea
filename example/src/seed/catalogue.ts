import type { Tx } from 'holdfast'
import { deriveSeed, createRandom, type Random } from '../utils/random.js'
import { genres, nameEvent } from './names.js'

const dayMs = 86_400_000

export interface VenueRef {
  id: string
  currency: string
}

/** How one event is laid out; its seats are made from this in the database. */
export interface EventPlan {
  venue_id: string
  title: string
  genre: string
  starts_at: string
  currency: string
  standing_price_cents: number
  standing_capacity: number
  rows: number
  seats_per_row: number
  seat_price_cents: number
}

export interface PlanOptions {
  seed: number
  part: string
  batch: number
  count: number
  anchor: Date
  venues: readonly VenueRef[]
  /** Days from the anchor between which events start. */
  days: readonly [from: number, to: number]
}

/** Plans one batch of events. The same options give the same plan, whatever was planned before. */
export function planEvents({ seed, part, batch, count, anchor, venues, days }: PlanOptions): EventPlan[] {
  const random = createRandom(deriveSeed(seed, part, batch))
  return Array.from({ length: count }, () => planEvent(random, random.pick(venues), anchor, days))
}

function planEvent(random: Random, venue: VenueRef, anchor: Date, [from, to]: PlanOptions['days']): EventPlan {
  const day = anchor.getTime() + random.integer(from, to) * dayMs
  const priceCents = random.integer(4, 30) * 250
  return {
    venue_id: venue.id,
    title: nameEvent(random),
    genre: random.pick(genres),
    starts_at: new Date(day + random.integer(32, 43) * 1_800_000).toISOString(),
    currency: venue.currency,
    standing_price_cents: priceCents,
    standing_capacity: random.integer(1, 8) * 50,
    rows: random.integer(4, 14),
    seats_per_row: random.integer(10, 22),
    seat_price_cents: priceCents + random.integer(2, 8) * 250,
  }
}

/**
 * Writes planned events with stock and seats, in three statements however many there are. The seats are made by
 * generate_series where they will live: sending each as parameters costs more than making it.
 */
export async function insertEvents(tx: Tx, plans: readonly EventPlan[]): Promise<string[]> {
  const ids = await insertEventRows(tx, plans)
  await tx.sql`
    insert into standing_stock (event_id, capacity, remaining)
    select id, capacity, capacity
      from unnest(${ids}::bigint[], ${plans.map((plan) => plan.standing_capacity)}::int[]) as plan(id, capacity)`
  await tx.sql`
    insert into seats (event_id, section, row_label, seat_number, price_cents)
    select plan.id, case when line <= 3 then 'Stalls' else 'Circle' end, chr(64 + line), place,
           plan.price_cents + case when line <= 3 then 1000 else 0 end
      from unnest(${ids}::bigint[], ${plans.map((plan) => plan.rows)}::int[],
                  ${plans.map((plan) => plan.seats_per_row)}::int[],
                  ${plans.map((plan) => plan.seat_price_cents)}::int[]) as plan(id, rows, seats_per_row, price_cents),
           generate_series(1, plan.rows) as line, generate_series(1, plan.seats_per_row) as place
     order by plan.id, line, place`
  return ids
}

async function insertEventRows(tx: Tx, plans: readonly EventPlan[]): Promise<string[]> {
  // The position keeps the order: ids are paired with their plans by it.
  const positioned = JSON.stringify(plans.map((plan, position) => ({ ...plan, position })))
  const rows = await tx.sql<{ id: string }>`
    insert into events (venue_id, title, genre, place, starts_at, currency, standing_price_cents)
    select plan.venue_id, plan.title, plan.genre, venues.name || ', ' || venues.city, plan.starts_at, plan.currency,
           plan.standing_price_cents
      from json_to_recordset(${positioned}::json)
           as plan(venue_id bigint, title text, genre text, starts_at timestamptz, currency text,
                   standing_price_cents int, position int)
      join venues on venues.id = plan.venue_id
     order by plan.position
    returning id`
  return rows.map((row) => row.id)
}
