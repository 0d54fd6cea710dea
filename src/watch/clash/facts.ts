import { isWrite, type Part } from './shape.js'
import type { Op, Row, Trace } from './trace.js'
import { hashValue, toNumber } from './values.js'

/** What one request saw at a read: hashes, and how numbers compared with what it had brought. */
interface Sight {
  exists: boolean
  isList: boolean
  /** No other read came after it before the request wrote, or ended. */
  isLast: boolean
  /** A write after it found nothing to change: it was that which decided. */
  isRefused: boolean
  /** Writes of the request that came after it. */
  writes: ReadonlySet<string>
  values: ReadonlyMap<string, string>
}

/** Of those that went on alike. */
const MOST_ALIKE = 30
const MOST_SIGHTS = 300
const MOST_COMPARED = 12

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
  /** Nothing of a row but that it is there. */
  isOfExistence: boolean
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

  /** Whether requests that read there again have gone on without the write, too. */
  isRetaken(read: string | undefined, write: Op): boolean {
    const sights = read === undefined ? [] : (this.#byRead.get(read) ?? [])
    return sights.some(({ writes }) => !writes.has(keyOf(write)))
  }

  /** Undefined: nothing shows that the write hangs on the read. */
  decide(read: Op, write: Op): Decision | undefined {
    const sights = this.#byRead.get(keyOf(read)) ?? []
    const wrote = sights.filter(({ writes }) => writes.has(keyOf(write)))
    const others = sights.filter(({ writes, isRefused }) => !isRefused && !writes.has(keyOf(write)))
    if (wrote.length === 0 || others.length === 0) return undefined
    if (wrote.some(({ isList }) => isList) || others.some(({ isList }) => isList)) {
      const isLast = others.some((sight) => sight.isLast)
      return isLast ? { cells: [], isOfSet: true, isOfExistence: false } : undefined
    }
    const existence = { cells: [], isOfSet: true, isOfExistence: true }
    if (wrote.every(({ exists }) => !exists) && others.some(({ exists }) => exists)) return existence
    if (!wrote.every(({ exists }) => exists)) return undefined
    const same = others.filter(({ exists }) => exists)
    const found = compareSights(wrote, same, takesAway(write))
    if (same.length === others.length) return found
    return found ? { ...found, isOfExistence: true } : existence
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
  const taken = part.set.filter(({ value }) => value.kind === 'relative' && value.op !== '+')
  return new Set(taken.map(({ column }) => `${part.table}.${column}`))
}

function compareSights(
  wrote: readonly Sight[],
  others: readonly Sight[],
  taken: ReadonlySet<string>,
): Decision | undefined {
  const cells = new Set<string>()
  let isOfSet = false
  const add = (fact: string) => {
    const [cell = ''] = fact.split('?')
    if (cell.startsWith('=')) isOfSet = true
    else cells.add(cell)
  }
  for (const other of others) {
    for (const fact of listApart(wrote, other)) add(fact)
  }
  if (others.some(({ isLast }) => isLast))
    for (const cell of taken) if (wrote.some(({ values }) => values.has(cell))) cells.add(cell)
  return cells.size === 0 && !isOfSet ? undefined : { cells: [...cells], isOfSet, isOfExistence: false }
}

/** What this one saw, and none of those that wrote did. */
function listApart(wrote: readonly Sight[], other: Sight): string[] {
  return [...other.values.keys()].filter((fact) => {
    const here = new Set(wrote.map(({ values }) => values.get(fact)))
    if (here.has(undefined) || here.has(other.values.get(fact))) return false
    if (fact.endsWith('?is')) return here.size <= Math.max(1, wrote.length / 2)
    if (fact.includes('?') || fact.startsWith('=')) return true
    // A name or a note differs from row to row, whatever the program decides by.
    return here.size <= wrote.length / 3
  })
}

function look(trace: Trace, read: Op): Sight {
  const later = trace.ops.filter(({ at }) => at > read.at)
  const nextWrite = later.find(({ part }) => isWrite(part))
  const isLast = !later.some(({ part, at }) => part.kind === 'read' && (nextWrite === undefined || at < nextWrite.at))
  const values = new Map<string, string>()
  // Of a subquery the whole answer tells.
  const main = trace.ops.findLast(({ at }) => at === read.at) ?? read
  const [row] = main.rows
  for (const [fact, text] of row ?? []) addFacts(values, fact, text, row as Row, trace)
  return {
    exists: main.rowCount > 0,
    isList: main.rows.length > 1,
    isLast,
    isRefused: later.some(({ part, rowCount }) => isWrite(part) && rowCount === 0),
    writes: new Set(later.filter(({ part }) => isWrite(part)).map(keyOf)),
    values,
  }
}

function addFacts(values: Map<string, string>, fact: string, text: string | null, row: Row, trace: Trace): void {
  values.set(`${fact}?null`, String(text === null))
  if (text === 'true' || text === 'false') values.set(`${fact}?flag`, text)
  const number = toNumber(text)
  if (number === undefined) {
    if (text === null) return
    if (text.length < 40) values.set(isWord(text) ? `${fact}?is` : fact, hashValue(text))
    // The old password, a code, a name that has to be repeated.
    for (const [path, given] of [...trace.inputs.entries].slice(0, MOST_COMPARED))
      values.set(`${fact}?=${path}`, String(text === given))
    return
  }
  values.set(`${fact}?0`, sign(number))
  // Of what is computed the number itself: a limit may stand in the program.
  if (fact.startsWith('=')) values.set(fact, hashValue(String(number)))
  const compare = (name: string, other: string | null) => {
    const given = toNumber(other)
    if (given === undefined) return
    values.set(`${fact}?=${name}`, String(number === given))
    // Nobody asks which of two identifiers is the larger one.
    if (isIdentifier(fact) || isIdentifier(name)) return
    values.set(`${fact}?${name}`, sign(number - given))
    values.set(`${fact}?>${name}`, String(number > given))
    values.set(`${fact}?<${name}`, String(number < given))
  }
  for (const [path, given] of trace.inputs.entries) compare(path, given)
  for (const [other, given] of row) if (other !== fact) compare(other, given)
  // A limit that another read has brought.
  for (const { rows } of trace.ops)
    if (rows[0] !== row)
      for (const [other, given] of [...(rows[0] ?? [])].slice(0, MOST_COMPARED)) compare(other, given)
}

const isIdentifier = (name: string): boolean => /(^|[._])id$|[a-z]Id$/.test(name)

/** `paid`, `in_review`, `ACTIVE`: one of a few that the program knows. */
const isWord = (text: string): boolean => /^([a-z]+([_-][a-z]+)*|[A-Z]+(_[A-Z]+)*)$/.test(text)

/** Less on one side; as much or more on the other. */
const sign = (number: number): string => (number < 0 ? '<' : number === 0 ? '=' : '>')
