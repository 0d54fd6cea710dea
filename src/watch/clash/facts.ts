import { isWrite, type Part } from './shape.js'
import type { Op, Trace } from './trace.js'
import { hashValue, toNumber } from './values.js'

/** What one request saw at a read: hashes, and how numbers compared with what it had brought. */
interface Sight {
  exists: boolean
  isList: boolean
  /** No other read came after it before the request wrote, or ended. */
  isLast: boolean
  /** Writes of the request that came after it. */
  writes: ReadonlySet<string>
  values: ReadonlyMap<string, string>
}

/** Of those that went on alike. */
const MOST_ALIKE = 30
const MOST_SIGHTS = 300

const signatures = new WeakMap<Part, string>()

/** Of one statement's part, whatever its parameters; constants tell `set status = 'paid'` from `set status = 'void'`. */
export function keyOf({ statement, place, part }: Op): string {
  let signature = signatures.get(part)
  // Literals that an application writes into its texts are no constants of the program.
  if (signature === undefined)
    signatures.set(part, (signature = hashValue(JSON.stringify(part).replaceAll(/"\d{2,}"/g, ''))))
  return `${statement.id}#${place}${signature}`
}

/** What a program's decision hangs on, as far as requests that went on and requests that did not can show it. */
export interface Decision {
  /** `table.column` */
  cells: readonly string[]
  /** Whether rows are there, or how many. */
  isOfSet: boolean
}

/** What requests of a route saw at each of their reads, and what they did then. */
export class Sights {
  readonly #byRead = new Map<string, Sight[]>()

  note(trace: Trace): void {
    const seen = new Set<string>()
    for (const read of trace.ops) {
      const key = keyOf(read)
      if (read.part.kind !== 'read' || seen.has(key)) continue
      seen.add(key)
      const sights = this.#byRead.get(key) ?? []
      this.#byRead.set(key, sights)
      addSight(sights, look(trace, read))
    }
  }

  /** Undefined: nothing shows that the write hangs on the read. */
  decide(read: Op, write: Op): Decision | undefined {
    const sights = this.#byRead.get(keyOf(read)) ?? []
    const wrote = sights.filter(({ writes }) => writes.has(keyOf(write)))
    const others = sights.filter(({ writes }) => !writes.has(keyOf(write)))
    if (wrote.length === 0 || others.length === 0) return undefined
    if (wrote.some(({ isList }) => isList)) {
      const isLast = others.some((sight) => sight.isLast)
      return isLast ? { cells: [], isOfSet: true } : undefined
    }
    if (wrote.every(({ exists }) => exists) && others.every(({ exists }) => !exists))
      return { cells: [], isOfSet: true }
    if (wrote.every(({ exists }) => !exists) && others.every(({ exists }) => exists))
      return { cells: [], isOfSet: true }
    const same = others.filter(({ exists }) => exists)
    return same.length === 0 ? undefined : compareSights(wrote, same, takesAway(write))
  }
}

/** A sale that has ended is refused to everybody: those who could buy must not be forgotten for it. */
function addSight(sights: Sight[], sight: Sight): void {
  const isAlike = ({ writes }: Sight) =>
    writes.size === sight.writes.size && [...writes].every((each) => sight.writes.has(each))
  const alike = sights.filter(isAlike)
  const [oldest] = alike.length >= MOST_ALIKE ? alike : sights.length >= MOST_SIGHTS ? sights : []
  if (oldest) sights.splice(sights.indexOf(oldest), 1)
  sights.push(sight)
}

/** Columns that the write itself takes from. */
function takesAway({ part }: Op): ReadonlySet<string> {
  if (part.kind !== 'update') return new Set()
  const taken = part.set.filter(({ value }) => value.kind === 'relative' && value.op === '-')
  return new Set(taken.map(({ column }) => `${part.table}.${column}`))
}

function compareSights(
  wrote: readonly Sight[],
  others: readonly Sight[],
  taken: ReadonlySet<string>,
): Decision | undefined {
  const cells = new Set<string>()
  let isOfSet = false
  for (const fact of wrote[0]?.values.keys() ?? []) {
    const [cell = ''] = fact.split('?')
    const here = new Set(wrote.map(({ values }) => values.get(fact)))
    const there = others.map(({ values }) => values.get(fact))
    const isApart = !here.has(undefined) && there.every((value) => value !== undefined && !here.has(value))
    const isTaken = taken.has(cell) && others.some(({ isLast }) => isLast)
    if (!isApart && !isTaken) continue
    if (cell.startsWith('=')) isOfSet = true
    else cells.add(cell)
  }
  return cells.size === 0 && !isOfSet ? undefined : { cells: [...cells], isOfSet }
}

function look(trace: Trace, read: Op): Sight {
  const later = trace.ops.filter(({ at }) => at > read.at)
  const nextWrite = later.find(({ part }) => isWrite(part))
  const isLast = !later.some(({ part, at }) => part.kind === 'read' && (nextWrite === undefined || at < nextWrite.at))
  const values = new Map<string, string>()
  const [row] = read.rows
  for (const [fact, text] of row ?? []) {
    values.set(fact, text === null ? 'null' : hashValue(text))
    if (fact.startsWith('=') || text === null) values.set(`${fact}?null`, String(text === null))
    const number = toNumber(text)
    if (number === undefined) continue
    values.set(`${fact}?0`, sign(number))
    for (const [path, given] of trace.inputs.entries) {
      const other = toNumber(given)
      if (other !== undefined) values.set(`${fact}?${path}`, sign(number - other))
    }
  }
  return {
    exists: read.rowCount > 0,
    isList: read.rows.length > 1,
    isLast,
    writes: new Set(later.filter(({ part }) => isWrite(part)).map(keyOf)),
    values,
  }
}

/** Less on one side; as much or more on the other. */
const sign = (number: number): string => (number < 0 ? '<' : number === 0 ? '=' : '>')
