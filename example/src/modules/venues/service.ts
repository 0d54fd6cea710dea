import type { Db } from 'holdfast'
import { venueNotFound, type Venue } from './model.js'
import { findVenue } from './repository.js'

export interface VenuesService {
  getVenue(id: string): Promise<Venue>
}

export function createVenuesService({ db }: { db: Db }): VenuesService {
  async function getVenue(id: string): Promise<Venue> {
    const venue = await findVenue(db, id)
    if (!venue) throw venueNotFound(id)
    return venue
  }

  return { getVenue }
}
