import { defineStock, defineUnits } from 'holdfast/holds'

/** What a worker of the holds' chaos is started with. */
export interface WorkerOptions {
  url: string
  seed: number
  /** Confirms in a transaction, and orders in another one. */
  isApart: boolean
}

export const MOST_TTL_MS = 1_200
export const RESOURCES = 4
export const TOTAL = 60

export const tickets = defineStock('tickets')
export const places = defineStock('places', { table: 'chaos_show', resource: 'id', free: 'places_left' })
export const rooms = defineUnits('rooms')
export const seats = defineUnits('seats', { table: 'chaos_seat', resource: 'event_id', unit: 'id', hold: 'hold_id' })
export const sources = [tickets, places, rooms, seats]

export const resources = Array.from({ length: RESOURCES }, (_, n) => String(n + 1))

/** Unique over resources, as an id is. */
export function listUnits(resource: string): string[] {
  return Array.from({ length: TOTAL }, (_, n) => String(Number(resource) * 1_000 + n))
}
