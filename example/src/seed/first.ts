import type { Db, Tx } from 'holdfast'
import { createRandom, deriveSeed } from '../utils/random.js'
import { insertEvents, planEvents, type VenueRef } from './catalogue.js'
import { nameVenue, type VenueSeed } from './names.js'
import { openSeedRun, runBatch } from './progress.js'

const venueCount = 20
const eventCount = 60

export const defaultSeed = 2026

/** The part that the box office cannot open without: venues and the events of the next weeks. About a second. */
export async function seedFirst(db: Db, seed = defaultSeed): Promise<void> {
  const run = await openSeedRun(db, seed)
  await runBatch(db, 'first', 0, async (tx) => {
    const venues = await insertVenues(tx, run.seed)
    await insertEvents(tx, planEvents({ ...run, part: 'first', batch: 0, count: eventCount, venues, days: [1, 30] }))
  })
}

async function insertVenues(tx: Tx, seed: number): Promise<VenueRef[]> {
  const random = createRandom(deriveSeed(seed, 'venues'))
  const venues = Array.from({ length: venueCount }, (_, index) => nameVenue(random, index))
  const rows = await tx.sql<{ id: string; name: string; city: string }>`
    insert into venues (name, city, country, capacity)
    select name, city, country, capacity
      from json_to_recordset(${JSON.stringify(venues)}::json)
           as venue(name text, city text, country text, capacity int)
    returning id, name, city`
  return rows.map((row) => ({ id: row.id, currency: findCurrency(venues, row) }))
}

function findCurrency(venues: readonly VenueSeed[], row: { name: string; city: string }): string {
  return venues.find((venue) => venue.name === row.name && venue.city === row.city)?.currency ?? 'EUR'
}
