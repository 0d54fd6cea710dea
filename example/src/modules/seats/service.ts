import type { Db } from 'holdfast'
import { eventNotFound } from '../events/model.js'
import { findEventOnSale } from '../events/repository.js'
import { viewSeat, type SeatMap, type SeatMapQuery } from './model.js'
import { listSeats } from './repository.js'

export interface SeatsService {
  getSeatMap(eventId: string, query: SeatMapQuery): Promise<SeatMap>
}

export function createSeatsService({ db }: { db: Db }): SeatsService {
  async function getSeatMap(eventId: string, query: SeatMapQuery): Promise<SeatMap> {
    const event = await findEventOnSale(db, eventId)
    if (!event) throw eventNotFound(eventId)
    const rows = await listSeats(db, eventId, query)
    const seats = rows.slice(0, query.limit).map(viewSeat)
    const next = rows.length > query.limit ? (seats.at(-1)?.id ?? null) : null
    return { eventId, currency: event.currency, seats, next }
  }

  return { getSeatMap }
}
