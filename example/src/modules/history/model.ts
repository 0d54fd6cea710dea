import { z } from 'zod'
import { cursorSchema, limitSchema } from '../../utils/cursor.js'
import { BoxError } from '../../utils/errors.js'
import { createMoney, type Money } from '../../utils/money.js'
import { idSchema } from '../../utils/validate.js'

/** So many take about a minute, and 140 MB of the disk. */
export const usualOrders = 800_000

/** More would fill a laptop's disk for nothing. */
const mostOrders = 2_000_000

export const importSettings = z.strictObject({
  /** The history is to have so many orders; 0 takes all of it back. */
  orders: z.number().int().min(0).max(mostOrders),
})

export const historyQuery = z.object({
  /** The key of a page of past orders: they are listed by date, then id, the newest first. */
  after: cursorSchema(z.tuple([z.iso.datetime(), idSchema])).optional(),
  limit: limitSchema,
})

export type HistoryQuery = z.infer<typeof historyQuery>

export interface PastOrderRow {
  id: string
  title: string
  places: number
  total_cents: number
  currency: string
  ordered_at: Date
}

export interface PastOrderView {
  id: string
  title: string
  places: number
  total: Money
  orderedAt: string
}

export interface ImportRow {
  regulars: string[]
  target: number
  imported: number
}

/** `resting`: for some seconds the history is read as it is. `stopped`: by its deadline or the end of a process; asked for again, it goes on. */
export type ImportState = 'none' | 'importing' | 'resting' | 'stopped' | 'done'

export interface ImportView {
  state: ImportState
  imported: number
  target: number
  /** When the first and the last of them were ordered; null while there are none. */
  from: string | null
  to: string | null
}

/** How the orders are spread over the former system's years: see `importer.ts` for why it matters. */
export interface ImportPlan {
  /** Orders in the first years, in which one in `regularEvery` is of a regular. */
  firstOrders: number
  regularEvery: number
  /** Until there are so many, regulars order more, one in `busyEvery`; then they do so here and not there any more. */
  busyUntil: number
  busyEvery: number
}

export function viewPastOrder(row: PastOrderRow): PastOrderView {
  return {
    id: row.id,
    title: row.title,
    places: row.places,
    total: createMoney(row.total_cents, row.currency),
    orderedAt: row.ordered_at.toISOString(),
  }
}

export function noRegulars(): BoxError {
  return new BoxError({
    code: 'BOX_HISTORY_NO_REGULARS',
    status: 409,
    message: 'Nobody has ordered anything here yet, so nobody has a history.',
    fix: 'Let the traffic run for some seconds, or order something, and ask again.',
  })
}
