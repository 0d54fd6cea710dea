import { readCell, toKey } from './cells.js'
import type { ResultShape } from './result-shape.js'

/** From here up results may be multiplied. */
export const SUSPICIOUS = 1.5

/**
 * Rows over the different values in the first column of whichever table has most of them: at least what the rows are
 * multiplied by, as no column tells more rows apart than a key does. About 10 µs for 100 rows of two tables, less where a table alone
 * has as many. 1: not suspicious.
 */
export function lookQuickly({ sources }: ResultShape, rows: readonly unknown[], from: number, most: number): number {
  const until = Math.min(rows.length, from + most)
  const amount = until - from
  const enough = amount / SUSPICIOUS
  let highest = 1
  // Children are joined later than their parents, and have more rows.
  for (let place = sources.length - 1; place >= 0; place--) {
    const column = sources[place]?.columns.find(({ isLost }) => !isLost)
    if (column === undefined) continue
    const seen = new Set<unknown>()
    let last: unknown
    for (let n = from; n < until; n++) {
      const cell = readCell(rows[n], column)
      if (cell === last) continue
      last = cell
      seen.add(typeof cell === 'object' ? toKey(cell) : cell)
      if (seen.size > enough) return 1
    }
    if (seen.size > highest) highest = seen.size
  }
  return amount / highest
}
