import type { Catalog } from './catalog.js'
import type { Link } from './links.js'
import { isWrite, type Condition, type Isolation } from './shape.js'
import { listParameters, resolveValue, type Op, type Trace } from './trace.js'

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
  /** Both are in one transaction. */
  sharesTransaction: boolean
  /** It is one statement by itself. */
  isAutocommit: boolean
  /** Between both the program waited for something else. @unit ms */
  windowMs: number
  /** A later read that is guarded took the place of this one. */
  isSuperseded: boolean
}

export function readGuards(trace: Trace, link: Omit<Link, 'guards'>, catalog: Catalog): Guards {
  const { read, write } = link
  const sharesTransaction = read.transaction === write.transaction
  const held = sharesTransaction ? listHeld(trace, read) : []
  return {
    locksRows: sharesTransaction && locksOwnRows(link),
    under: held.filter((lock) => follows(lock, read)).map(({ object }) => object),
    isolation: sharesTransaction ? read.transaction.isolation : 'read committed',
    compared: listCompared(read, write),
    sharesTransaction,
    isAutocommit: write.transaction.isAutocommit,
    windowMs: Math.max(0, write.startedAt - read.endedAt),
    isSuperseded: isSuperseded(trace, link, catalog),
  }
}

/** Its own lock, or the one that an UPDATE or DELETE takes; of a row that is not there nothing is locked. */
function locksOwnRows({ read }: Omit<Link, 'guards'>): boolean {
  const { part, transaction, rowCount } = read
  if (transaction.isAutocommit && read.part.kind === 'read' && !part_isNested(read)) return false
  if (part.kind === 'update' || part.kind === 'delete') return rowCount > 0
  if (part.kind !== 'read' || part.lock === undefined) return false
  // Of a subquery it is not known how many rows it had.
  return rowCount > 0 || rowCount === -1
}

const part_isNested = ({ part }: Op): boolean => part.kind === 'read' && part.isNested

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
    const texts = part.values.flatMap((value) => listParameters(value, op)).filter((text) => text !== null)
    const constants = part.values.flatMap((value) => (value.kind === 'constant' ? [value.text ?? ''] : []))
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
 * stands in the very row. A lock by customer does not guard a product.
 */
export function follows({ texts, isWhole }: Held, { part, rows, values }: Op): boolean {
  if (isWhole) return true
  if (texts.length === 0) return false
  const keys = new Set<string>()
  if (part.kind !== 'lock' && part.kind !== 'insert')
    for (const text of textsOf({ part, rows, values } as Op, part.conditions)) keys.add(text)
  if (part.kind === 'insert')
    for (const { value } of part.rows.flat())
      for (const text of listParameters(value, { values } as Op)) if (text !== null) keys.add(text)
  // One row and what it refers to.
  if (rows.length === 1) for (const text of rows[0]?.values() ?? []) if (text !== null) keys.add(text)
  return texts.every((text) => isMadeOf(text, keys))
}

/** A number, a word, or a token such as `post:7`; a large number is taken for a hash that nobody can read. */
function isMadeOf(text: string, keys: ReadonlySet<string>): boolean {
  if (keys.has(text)) return true
  if (/^-?\d{7,}$/.test(text)) return true
  const parts = text.split(/[^\w-]+|(?<=[a-z])(?=\d)|_/i).filter(Boolean)
  return (
    (parts.length > 1 && parts.some((part) => keys.has(part))) ||
    [...keys].some((key) => key.length > 6 && text.includes(key))
  )
}

/** What the write's WHERE says of other columns than those that name the row. */
function listCompared(read: Op, write: Op): string[] {
  const { part } = write
  if (!isWrite(part)) return []
  if (part.kind === 'insert') return []
  return part.conditions.flatMap((condition) => {
    const cell = `${condition.table}.${condition.column}`
    const texts = resolveValue(condition.value, write)
    const isOfRead = read.rows.some((row) => row.has(cell) && texts.includes(row.get(cell) ?? null))
    const isAskedAnew = condition.value?.kind === 'constant' || condition.op !== '='
    return isOfRead || isAskedAnew || (read.part.kind === 'read' && read.part.isNested) ? [cell] : []
  })
}

/** A locked read of the same thing, in between: an earlier one decides nothing any more. */
function isSuperseded(trace: Trace, { read, write, cells, isOfSet }: Omit<Link, 'guards'>, _catalog: Catalog): boolean {
  if (read.part.kind !== 'read' || read.at === write.at) return false
  return trace.ops.some((later) => {
    if (later.part.kind !== 'read' || later.at <= read.at || later.at >= write.at) return false
    if (later.transaction !== write.transaction || later.transaction.isAutocommit) return false
    if (!sharesTables(read, later)) return false
    const isGuarded =
      (later.part.lock?.strength === 'update' && later.rowCount > 0) ||
      later.transaction.isolation === 'serializable' ||
      listHeld(trace, later).some((lock) => follows(lock, later))
    if (!isGuarded) return false
    const seen = new Set(later.rows[0]?.keys() ?? [])
    if (!isOfSet) return cells.every((cell) => seen.has(cell))
    const asked = (op: Op) =>
      (op.part.kind === 'read' ? [...op.part.conditions, ...op.part.others] : []).map(({ column }) => column)
    const again = new Set(asked(later))
    // For a decision what was decided on has to be read again: not the key alone.
    const isWhole = seen.size > 1 || later.part.isAggregate || later.rowCount === 0
    return isWhole && asked(read).every((column) => again.has(column))
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
    sharesTransaction: one.sharesTransaction && other.sharesTransaction,
    isAutocommit: one.isAutocommit || other.isAutocommit,
    windowMs: Math.max(one.windowMs, other.windowMs),
    isSuperseded: one.isSuperseded && other.isSuperseded,
  }
}
