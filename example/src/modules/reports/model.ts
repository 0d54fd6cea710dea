import { z } from 'zod'
import { BoxError } from '../../utils/errors.js'
import { idSchema } from '../../utils/validate.js'

export const reportParams = z.object({ id: idSchema })

/** What the job of one report is sent with. */
export const reportRequest = z.object({ eventId: idSchema })
export type ReportRequest = z.infer<typeof reportRequest>

/** What the nightly job is sent with: nothing. */
export const nightlyRequest = z.object({})

/** The sales of an event as of one moment; the result of a report's job. */
export interface SalesReport {
  eventId: string
  /** What happened up to this moment is in it, and nothing later. */
  asOf: string
  orders: number
  refundedOrders: number
  places: number
  revenueCents: number
}

/** What a report has added up so far: its checkpoint. */
export interface ReportDraft extends SalesReport {
  /** Orders after this id are still to be read. */
  afterId: string
  done: number
  total: number
}

/** One order as of the moment of the report. */
export interface ReportedOrder {
  id: string
  total_cents: number
  is_refunded: boolean
}

export function reportBusy(eventId: string): BoxError {
  return new BoxError({
    code: 'BOX_REPORT_BUSY',
    status: 503,
    message: `The report of event ${eventId} is being asked for by somebody else at this moment.`,
    fix: 'Ask again in a second.',
    details: { eventId },
  })
}
