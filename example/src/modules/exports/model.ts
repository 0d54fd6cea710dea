import type { OrderStatus } from '../../database/tables.js'
import { BoxError } from '../../utils/errors.js'

/** An order as a line of the export needs it. */
export interface ExportedOrder {
  id: string
  event_id: string
  title: string
  status: OrderStatus
  total_cents: number
  currency: string
  created_at: Date
}

export interface NewExport {
  customerId: string
  orders: number
  csv: string
  fence: bigint
}

export interface ExportRow {
  customer_id: string
  made_at: Date
  orders: number
}

export interface ExportView {
  customerId: string
  orders: number
  madeAt: string
}

/** "User and process": whoever exports the orders of this customer, anywhere, holds it. */
export function exportLockKey(customerId: string): string {
  return `user:${customerId}:order-export`
}

export function viewExport(row: ExportRow): ExportView {
  return { customerId: row.customer_id, orders: row.orders, madeAt: row.made_at.toISOString() }
}

/** `since` is undefined where it ended between our question and the look at who holds the lock. */
export function exportRunning(customerId: string, since: Date | undefined): BoxError {
  const runningSince = since?.toISOString() ?? null
  return new BoxError({
    code: 'BOX_EXPORT_RUNNING',
    status: 409,
    message: `The orders of customer ${customerId} are being exported already, ${runningSince === null ? 'until just now' : `since ${runningSince}`}.`,
    fix: 'GET the export when that one has ended, or ask for another one then.',
    details: { customerId, runningSince },
  })
}

/** The same status as HF_LOCKS_STALE: which of the two it is depends only on where the loss was noticed. */
export function exportLost(customerId: string): BoxError {
  return new BoxError({
    code: 'BOX_EXPORT_LOST',
    status: 409,
    message: `The export of the orders of customer ${customerId} lost its lock and was stopped; nothing was written.`,
    fix: 'Ask again.',
    details: { customerId },
  })
}

export function exportNotFound(customerId: string): BoxError {
  return new BoxError({
    code: 'BOX_EXPORT_NOT_FOUND',
    status: 404,
    message: `There is no export of the orders of customer ${customerId}.`,
    fix: 'Make one with POST /customers/:id/order-export.',
  })
}
