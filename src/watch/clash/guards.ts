import type { Catalog, Table, UniqueIndex } from './catalog.js'
import { keyOf } from './facts.js'
import type { Link } from './links.js'
import { isWrite, type Condition, type Isolation } from './shape.js'
import { listParameters, resolveValue, type Op, type Trace } from './trace.js'
import { toText } from './values.js'

/** What already protects a write that follows from a read. Of several requests only what all of them have counts. */
export interface Guards {
  /** The rows that were read are locked until the write is committed. */
  locksRows: boolean
  /** Locks that were held before the read, in the transaction of the write, and whose key follows from what is read. */
  under: readonly string[]
  /** Of the transaction that both are in; 'read committed' where there is none. */
  isolation: Isolation
  /** `table.column`: what the write compares with what was read, or asks for anew. */
  compared: readonly string[]
  /** Tables of which that transaction also writes the very row that was read. */
  rewritten: readonly string[]
  /** Both are in one transaction. */
  sharesTransaction: boolean
  /** It is one statement by itself. */
  isAutocommit: boolean
  /** Between both the program waited for something else. @unit ms */
  windowMs: number
  /** A later read, with a guard, that may have taken the place of this one. */
  supersededBy: string | undefined
  /** Unique indexes that the inserted row falls in, all of whose columns were asked for or come from what was read. */
  unique: readonly string[]
}

export function readGuards(trace: Trace, link: Omit<Link, 'guards'>, catalog: Catalog): Guards {
  const { read, write } = link
  const sharesTransaction = read.transaction === write.transaction
  const held = sharesTransaction ? listHeld(trace, read) : []
  return {
    locksRows: sharesTransaction && locksOwnRows(link),
    under: held.filter((lock) => follows(lock, read, trace)).map(({ object }) => object),
    isolation: sharesTransaction ? read.transaction.isolation : 'read committed',
    compared: listAllCompared(trace, read, write),
    rewritten: sharesTransaction ? listRewritten(trace, read) : [],
    sharesTransaction,
    isAutocommit: write.transaction.isAutocommit,
    windowMs: Math.max(0, write.startedAt - read.endedAt),
    supersededBy: findSuperseding(trace, link),
    unique: listCovering(link, catalog),
  }
}

/** Its own lock, or the one that an UPDATE or DELETE takes; of a row that is not there nothing is locked. */
function locksOwnRows({ read }: Omit<Link, 'guards'>): boolean {
  const { part, transaction, rowCount } = read
  if (transaction.isAutocommit && read.part.kind === 'read' && !read.part.isNested) return false
  if (part.kind === 'update' || part.kind === 'delete') return rowCount > 0
  if (part.kind !== 'read' || part.lock === undefined || part.lock.strength === 'key share') return false
  // Of a subquery it is not known how many rows it had.
  return rowCount > 0 || rowCount === -1
}

export interface Held {
  /** `row orders`, `table orders`, `advisory (post:)` */
  object: string
  texts: readonly string[]
  /** One for all. */
  isWhole: boolean
}

/** Locks that are held when a statement of a transaction begins. */
export function listHeld(trace: Trace, until: Op): Held[] {
  const held: Held[] = []
  for (const op of trace.ops) {
    if (op.at >= until.at) break
    const lock = readHeld(op)
    if (lock === undefined) continue
    const isSame = op.transaction === until.transaction && !op.transaction.isAutocommit
    if (isSame || (op.part.kind === 'lock' && op.part.isOfSession)) held.push(lock)
  }
  return held
}

function readHeld(op: Op): Held | undefined {
  const { part } = op
  if (part.kind === 'lock') {
    if (part.isUnlock) return undefined
    const constants = part.values.flatMap((value) => (value.kind === 'constant' ? [value.text ?? ''] : []))
    const given = part.values.filter(({ kind }) => kind !== 'constant')
    const texts = given.flatMap((value) => listParameters(value, op)).filter((text) => text !== null)
    const isWhole = part.values.every(({ kind }) => kind === 'constant')
    return { object: part.object === 'advisory' ? `advisory (${constants.join(', ')})` : part.object, texts, isWhole }
  }
  if (part.kind === 'read') {
    if (part.lock?.strength !== 'update' || op.rowCount === 0) return undefined
    return {
      object: `row ${part.lock.tables[0] ?? ''}`,
      texts: textsOf(op, part.conditions),
      isWhole: isConstant(part.conditions),
    }
  }
  if (op.rowCount === 0) return undefined
  if (part.kind === 'insert') {
    const texts = part.rows
      .flat()
      .flatMap(({ value }) => listParameters(value, op))
      .filter((text) => text !== null)
    // Two that insert the same key wait for each other, where an index says that it is the same.
    return part.conflict ? { object: `row ${part.table}`, texts, isWhole: false } : undefined
  }
  return { object: `row ${part.table}`, texts: textsOf(op, part.conditions), isWhole: isConstant(part.conditions) }
}

/** Keys alone: `status = 'open'` is a constant, and no key. */
const textsOf = (op: Op, conditions: readonly Condition[]): string[] =>
  conditions
    .flatMap((condition) => (condition.op === '=' ? resolveValue(condition.value, op) : []))
    .filter((text) => text !== null)

const isConstant = (conditions: readonly Condition[]): boolean =>
  conditions.length > 0 && conditions.every(({ op, value }) => op === '=' && value?.kind === 'constant')

/**
 * Whether two requests that collide at this read would meet at the lock: its key is made of what the read asks for, or
 * stands in the very row. A lock by customer does not guard a product; one by room and day does not guard a stay of several.
 */
export function follows({ texts, isWhole }: Held, op: Op, trace: Trace): boolean {
  if (isWhole) return true
  if (texts.length === 0) return false
  const keys = listKeys(op)
  const isDerived = texts.map((text) => isMadeOf(text, keys))
  // A number that the program has written there, the same each time, does no harm.
  return isDerived.includes(true) && texts.every((text, at) => isDerived[at] === true || !isVariable(text, trace))
}

const isVariable = (text: string, { inputs, ops }: Trace): boolean =>
  inputs.has(text) || ops.some(({ rows }) => rows.some((row) => [...row.values()].includes(text)))

function listKeys({ part, rows, values }: Op): Set<string> {
  const op = { part, rows, values } as Op
  const keys = new Set<string>()
  const add = (texts: readonly (string | null)[]) => {
    for (const text of texts) if (text !== null) keys.add(text)
  }
  if (part.kind === 'read' || part.kind === 'update' || part.kind === 'delete') add(textsOf(op, part.conditions))
  // A subquery's conditions name columns of the statement around it.
  if (part.kind === 'read' && part.isNested) add(values.map((value) => toText(value) ?? null))
  if (part.kind === 'insert') {
    for (const { value } of part.rows.flat()) add(listParameters(value, op))
    if (part.sources.length > 0) add(values.map((value) => toText(value) ?? null))
  }
  // What it will be found by: `set customer = $1` brings a seat under the lock of that customer.
  if (part.kind === 'update')
    for (const { value } of part.set) if (value.kind === 'parameter') add(listParameters(value, op))
  // One row and what it refers to.
  if (rows.length === 1) add([...(rows[0]?.values() ?? [])])
  return keys
}

/** A number, a word, or a token such as `post:7`; a large number is taken for a hash that nobody can read. */
function isMadeOf(text: string, keys: ReadonlySet<string>): boolean {
  if (keys.has(text) || /^-?\d{7,}$/.test(text)) return true
  let rest = text
  for (const key of [...keys].toSorted((a, b) => b.length - a.length)) if (key !== '') rest = rest.replaceAll(key, ' ')
  // What remains is the program's own word.
  return rest !== text && !/\d/.test(rest)
}

/** Its own, and those of writes before it in the request: after one that found nothing to change the program stops. */
function listAllCompared(trace: Trace, read: Op, write: Op): string[] {
  const between = trace.ops.filter(
    ({ at, part }) => at > read.at && at < write.at && (part.kind === 'update' || part.kind === 'delete'),
  )
  return [...listCompared(read, write, trace), ...between.flatMap((op) => listCompared(read, op, trace))]
}

/** What the write's WHERE says of other columns than those that name the row. */
function listCompared(read: Op, write: Op, trace: Trace): string[] {
  const { part } = write
  if (!isWrite(part)) return []
  // It gets its rows from another part, which may compare.
  const before = part.sources.flatMap((place) =>
    trace.ops.filter((op) => op.at === write.at && op.place === place && isWrite(op.part)),
  )
  const inherited = before.flatMap((op) => listCompared(read, op, trace))
  if (part.kind === 'insert') return inherited
  const own = part.conditions.flatMap((condition) => {
    const cell = `${condition.table}.${condition.column}`
    const texts = resolveValue(condition.value, write)
    const isOfRead = read.rows.some((row) => row.has(cell) && texts.includes(row.get(cell) ?? null))
    // Every change gives the row another one.
    const isVersion = condition.column === 'xmin' || condition.column === 'ctid'
    const isAskedAnew = isVersion || condition.value?.kind === 'constant' || condition.op !== '='
    return isOfRead || isAskedAnew || (read.part.kind === 'read' && read.part.isNested) ? [cell] : []
  })
  return [...inherited, ...own]
}

/** An order is inserted because of the stock, and the stock is written too: above READ COMMITTED one of two fails. */
function listRewritten(trace: Trace, read: Op): string[] {
  if (read.part.kind !== 'read') return []
  const { conditions, tables } = read.part
  return trace.ops.flatMap((op) => {
    const { part } = op
    if (op.at <= read.at || op.transaction !== read.transaction || op.rowCount === 0) return []
    if ((part.kind !== 'update' && part.kind !== 'delete') || !tables.includes(part.table)) return []
    const named = new Map(part.conditions.map(({ column, value }) => [column, resolveValue(value, op).join()]))
    const isSame = conditions.every((condition) => {
      const text = resolveValue(condition.value, read).join()
      return condition.op === '=' && text !== '' && named.get(condition.column) === text
    })
    return isSame && conditions.length > 0 ? [part.table] : []
  })
}

/** A locked read of the same thing, in between: an earlier one decides nothing any more. */
function findSuperseding(trace: Trace, { read, write, cells, isOfSet }: Omit<Link, 'guards'>): string | undefined {
  if (read.part.kind !== 'read' || read.at === write.at) return undefined
  const found = trace.ops.find((later) => {
    if (later.part.kind !== 'read' || later.at <= read.at || later.at >= write.at) return false
    if (later.transaction !== write.transaction || later.transaction.isAutocommit) return false
    if (!sharesTables(read, later) || !asksTheSame(read, later)) return false
    const isGuarded =
      (later.part.lock?.strength === 'update' && later.rowCount > 0) ||
      later.transaction.isolation === 'serializable' ||
      listHeld(trace, later).some((lock) => follows(lock, later, trace))
    if (!isGuarded) return false
    const seen = new Set(later.rows[0]?.keys() ?? [])
    if (!isOfSet) return cells.every((cell) => seen.has(cell))
    // For a decision what was decided on has to be read again: not the key alone.
    return seen.size > 1 || later.part.isAggregate || later.rowCount === 0
  })
  return found && keyOf(found)
}

/** Of the same rows: by the same columns, with the same values. */
function asksTheSame(one: Op, other: Op): boolean {
  if (one.part.kind !== 'read' || other.part.kind !== 'read') return false
  const again = new Map(
    other.part.conditions.map((condition) => [condition.column, resolveValue(condition.value, other).join()]),
  )
  return one.part.conditions.every(
    ({ column, value }) => again.has(column) && again.get(column) === resolveValue(value, one).join(),
  )
}

/** A second row like it cannot be inserted. */
function listCovering({ read, write, column, kind }: Omit<Link, 'guards'>, catalog: Catalog): string[] {
  const { part } = write
  // An upsert writes over what is there, unless it computes from that.
  if (part.kind !== 'insert' || part.conflict?.updates?.some(({ value }) => value.kind !== 'relative')) return []
  const table = catalog.findByWholeName(part.table)
  if (table === undefined || (kind === 'decided' && read.at !== write.at)) return []
  const conditions =
    read.part.kind === 'read' || read.part.kind === 'update' || read.part.kind === 'delete' ? read.part.conditions : []
  const asked = new Set(
    conditions.filter(({ op, table: of }) => op === '=' && of === part.table).map((each) => each.column),
  )
  if (column !== '') asked.add(column)
  for (const row of part.rows) for (const { column: set, value } of row) if (value.kind === 'read') asked.add(set)
  const loose = new Set(read.part.kind === 'read' ? read.part.others.map((each) => each.column) : [])
  return listIndexes(write, table)
    .filter((index) => index.columns.every((each) => asked.has(each)))
    .filter((index) => index.expressions === undefined || [...loose].some((each) => index.expressions?.includes(each)))
    .map(nameIndex)
}

export const nameIndex = ({ columns, expressions, predicate }: UniqueIndex): string =>
  [columns.join(', '), expressions, predicate && `where ${predicate}`].filter(Boolean).join(' ')

/** Unique indexes that the written rows are in: of a partial one, by what is inserted into the columns of its predicate. */
export function listIndexes(write: Op, table: Table): UniqueIndex[] {
  const { part } = write
  if (part.kind === 'update') {
    const set = new Set(part.set.map(({ column }) => column))
    return table.unique.filter(({ columns }) => columns.some((column) => set.has(column)))
  }
  if (part.kind !== 'insert') return []
  return table.unique.filter(({ predicate }) => {
    if (predicate === undefined) return true
    const words = new Set(predicate.match(/[a-z_]\w*/gi) ?? [])
    const columns = [...table.columns.values()].map(({ name }) => name).filter((name) => words.has(name))
    return columns.every((name) => {
      const given = part.rows.flat().find(({ column }) => column === name)
      const [text] = given ? listParameters(given.value, write) : []
      if (given === undefined || text === undefined) return true
      return text === null
        ? /is null/i.test(predicate)
        : text === 'true' || text === 'false' || predicate.includes(`'${text}'`) || predicate.includes(text)
    })
  })
}

const sharesTables = (one: Op, other: Op): boolean =>
  one.part.kind === 'read' &&
  other.part.kind === 'read' &&
  one.part.tables.some((table) => other.part.kind === 'read' && other.part.tables.includes(table))

const order: readonly Isolation[] = ['read committed', 'repeatable read', 'serializable']

/** What both have. */
export function meetGuards(one: Guards, other: Guards): Guards {
  return {
    locksRows: one.locksRows && other.locksRows,
    under: one.under.filter((lock) => other.under.includes(lock)),
    isolation: order[Math.min(order.indexOf(one.isolation), order.indexOf(other.isolation))] ?? 'read committed',
    compared: one.compared.filter((cell) => other.compared.includes(cell)),
    rewritten: one.rewritten.filter((table) => other.rewritten.includes(table)),
    sharesTransaction: one.sharesTransaction && other.sharesTransaction,
    isAutocommit: one.isAutocommit || other.isAutocommit,
    windowMs: Math.max(one.windowMs, other.windowMs),
    supersededBy: one.supersededBy ?? other.supersededBy,
    unique: one.unique.filter((index) => other.unique.includes(index)),
  }
}
