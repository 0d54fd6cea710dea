import { holdsError } from './errors.js'
import type { Stock, StockTable, Units, UnitsTable } from './types.js'

/** A stock of which so many can be held. Without a table it lives in `holdfast.holds_stock`. @throws HF_HOLDS_SOURCE */
export function defineStock(name: string, table?: StockTable): Stock {
  checkName(name)
  return { kind: 'stock', name, ...(table && { table }) }
}

/** Units that can be held by name. Without a table they live in `holdfast.holds_units`. @throws HF_HOLDS_SOURCE */
export function defineUnits(name: string, table?: UnitsTable): Units {
  checkName(name)
  return { kind: 'units', name, ...(table && { table }) }
}

function checkName(name: string): void {
  if (name.length < 1 || name.length > 100 || /[\p{Cc}/]/u.test(name))
    throw holdsError('HF_HOLDS_SOURCE', 'A name has 1 to 100 characters, and no slash.')
}
