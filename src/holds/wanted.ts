import { holdsError } from './errors.js'
import type { Stock, Units } from './types.js'

const MOST = 1_000_000
const MOST_UNITS = 1_000

export interface Wanted {
  quantity: number
  /** Null: a quantity of a stock, or any units. */
  units: readonly string[] | null
}

/** @throws HF_HOLDS_REQUEST */
export function readWanted(from: Stock | Units, what: object): Wanted {
  if (from.kind === 'stock') {
    if (!('quantity' in what)) throw refuse(`of the stock ${from.name} a \`quantity\` is held`)
    return { quantity: checkAmount('quantity', what.quantity, 1), units: null }
  }
  if ('any' in what) return { quantity: checkAmount('any', what.any, 1, MOST_UNITS), units: null }
  if (!('units' in what)) throw refuse(`of the units ${from.name} some \`units\` or \`any\` are held`)
  const units = what.units as readonly string[]
  if (units.length === 0 || units.length > MOST_UNITS)
    throw refuse(`\`units\` are 1 to ${MOST_UNITS} names, they are ${units.length}`)
  if (new Set(units).size !== units.length) throw refuse('`units` name one twice')
  for (const unit of units) checkText('unit', unit, 500)
  return { quantity: units.length, units }
}

/** @throws HF_HOLDS_REQUEST */
export function checkAmount(name: string, value: unknown, least: number, most = MOST): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value
  const given = typeof value === 'number' ? `${value}` : `a ${typeof value}`
  throw refuse(`\`${name}\` is a whole number from ${least} to ${most}, it is ${given}`)
}

/** Before it shares a statement with others': one that the server refuses would fail them all. @throws HF_HOLDS_REQUEST */
export function checkText(name: string, text: string, most: number): void {
  if (typeof text !== 'string') throw refuse(`\`${name}\` is text, it is a ${typeof text}`)
  if (text.length === 0 || text.length > most)
    throw refuse(`\`${name}\` has 1 to ${most} characters, it has ${text.length}`)
  if (text.includes('\0') || /\p{Surrogate}/u.test(text))
    throw refuse(`\`${name}\` holds a character that no text in the database can`)
}

function refuse(what: string) {
  return holdsError('HF_HOLDS_REQUEST', `What is to be held makes no sense: ${what}.`)
}
