import { defineUnits } from 'holdfast/holds'

/** What a worker of the sagas' chaos is started with. */
export interface WorkerOptions {
  url: string
  providerUrl: string
  seed: number
  /** It has the code of the second version too. */
  isNew: boolean
  /** Does the SQL of its steps in transactions of their own, and records them afterwards. */
  isApart: boolean
}

export interface ProviderOptions {
  url: string
  port: number
  seed: number
}

export const LEASE_MS = 1_500
export const PRICE = 1_900
export const EVENTS = 8
export const SEATS = 40

export const seats = defineUnits('seats', { table: 'chaos_seat', resource: 'event_id', unit: 'id', hold: 'hold_id' })

/** Unique over events, as an id is. */
export function listSeats(event: number): string[] {
  return Array.from({ length: SEATS }, (_, n) => String(event * 1_000 + n))
}
