import type { ShapeColumn } from './result-shape.js'

/** A value of the user's, as it stands in a row: compared and measured, never kept. */
export function readCell(row: unknown, { at }: ShapeColumn): unknown {
  return (row as Record<string | number, unknown>)[at]
}

/** What tells two values apart, for a Map; null where there is none. JSON is not looked into: it may be large. */
export function toKey(cell: unknown): string | number | bigint | boolean | null {
  switch (typeof cell) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return cell
    case 'object':
      if (cell === null) return null
      if (cell instanceof Date) return cell.getTime()
      return Buffer.isBuffer(cell) ? cell.toString('latin1') : 'object'
    default:
      return null
  }
}

/** What the protocol adds to each value. @unit bytes */
const LENGTH_BYTES = 4
const MOST_PARTS = 200

/** About what a value took on the wire, as text. @unit bytes */
export function measureCell(cell: unknown): number {
  return LENGTH_BYTES + measure(cell, { parts: MOST_PARTS })
}

function measure(cell: unknown, budget: { parts: number }): number {
  switch (typeof cell) {
    case 'string':
      return cell.length
    case 'number':
    case 'bigint':
      return String(cell).length
    case 'boolean':
      return 1
    case 'object':
      return cell === null ? 0 : measureObject(cell, budget)
    default:
      return 0
  }
}

function measureObject(cell: object, budget: { parts: number }): number {
  if (cell instanceof Date) return 26
  if (Buffer.isBuffer(cell)) return 2 + 2 * cell.length
  let bytes = 2
  for (const [name, part] of Object.entries(cell)) {
    if (budget.parts-- <= 0) break
    bytes += (Array.isArray(cell) ? 1 : name.length + 4) + measure(part, budget)
  }
  return bytes
}
