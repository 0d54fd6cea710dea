import type { ExportedOrder } from './model.js'

/** What goes before all lines. RFC 4180: lines end with CRLF. */
export const csvHead = 'order,event,title,status,total_cents,currency,ordered_at\r\n'

export function toCsvLine(order: ExportedOrder): string {
  const { id, event_id, title, status, total_cents, currency, created_at } = order
  const cells = [id, event_id, title, status, String(total_cents), currency, created_at.toISOString()]
  return `${cells.map(toCell).join(',')}\r\n`
}

function toCell(text: string): string {
  // A spreadsheet would run what begins like a formula, and titles are not written by whoever opens the file.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
