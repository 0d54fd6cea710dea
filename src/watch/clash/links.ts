import { compareValues } from './compare-values.js'
import type { Catalog, Table } from './catalog.js'
import { readGuards, type Guards } from './guards.js'
import { isWrite, tablesOf, type Condition, type Value } from './shape.js'
import { listParameters, resolveValue, type Op, type Trace } from './trace.js'
import { isRandomLike, toText, toTime } from './values.js'

/**
 * Why a write follows from a read: a value that was computed from it, a copy, a row that was not there, a set that it is
 * put into, a set that was cleared before, a row that was picked, or what the program decided (which other requests show).
 */
export type LinkKind = 'computed' | 'copied' | 'absent' | 'set' | 'replaced' | 'picked' | 'decided'

export interface Link {
  kind: LinkKind
  read: Op
  write: Op
  /** `table.column`: if another request changes it in between, the write is wrong. */
  cells: readonly string[]
  /** So it is if rows come or go among those that the read asks for. */
  isOfSet: boolean
  /** The column that is written; '' for a whole row. */
  column: string
  /** By itself; a potential one waits for what other requests show. */
  isSure: boolean
  /** A flag was turned over: a program that always sets the same does that too, so both have to be seen. */
  toggled?: string
  /** That both are alike may be chance: all requests have to show it, and more than one. */
  isWeak?: boolean
  guards: Guards
}

/** What a request wrote because of what it had read. */
export function findLinks(trace: Trace, catalog: Catalog): Link[] {
  const links: Link[] = []
  const reads = trace.ops.filter(({ part }) => part.kind !== 'lock' && part.kind !== 'insert')
  const add = (link: Omit<Link, 'guards'>) => links.push({ ...link, guards: readGuards(trace, link, catalog) })
  for (const write of trace.ops) {
    if (!isWrite(write.part)) continue
    for (const read of reads) {
      if (read === write || isOwn(trace, read, catalog) || isOfOwn(trace, read, catalog)) continue
      if (read.at === write.at) addNested(read, write, add)
      else if (read.at < write.at) addLater(trace, read, write, catalog, add)
    }
  }
  // Of a decision it is not known yet whether it was taken again.
  return links.filter(({ guards, kind }) => kind === 'decided' || guards.supersededBy === undefined)
}

/** A row that this request has made itself: whoever wanted to make it too has failed there, or waits. */
function isOwn(trace: Trace, read: Op, catalog: Catalog): boolean {
  if (read.part.kind !== 'read' || read.rows.length !== 1 || read.part.isAggregate) return false
  if (!isByKey(read, catalog.findByWholeName(read.part.tables[0] ?? ''))) return false
  const asked = read.part.conditions.filter(({ op }) => op === '=')
  if (asked.length === 0) return false
  return trace.ops.some(({ at, part, rows }) => {
    if (at >= read.at || part.kind !== 'insert' || !isOf(read, part.table)) return false
    return asked.every(({ table, column, value }) => {
      const made = rows[0]?.get(`${table}.${column}`)
      return made !== undefined && made !== null && resolveValue(value, read).includes(made)
    })
  })
}

/** It asks by what this request has just brought: a drawn identifier that nobody else knows, or a key that nobody else can have. */
function isOfOwn(trace: Trace, read: Op, catalog: Catalog): boolean {
  const { part } = read
  if (part.kind === 'lock' || part.kind === 'insert') return false
  return trace.ops.some((op) => {
    if (op.at >= read.at || op.part.kind !== 'insert' || op.part.conflict) return false
    const made = listMade(op, catalog)
    return part.conditions.some(
      ({ op: by, column, value }) =>
        by === '=' &&
        resolveValue(value, read).some(
          (text) => text !== null && made.some((own) => own.text === text && isNamedAlike(own.column, column)),
        ),
    )
  })
}

function listMade(op: Op, catalog: Catalog): { column: string; text: string }[] {
  const { part, rows } = op
  if (part.kind !== 'insert') return []
  const table = catalog.findByWholeName(part.table)
  if (table === undefined) return []
  const drawn = [...table.columns.values()].filter((column) => column.drawn).map(({ name }) => name)
  const sole = new Set(
    table.unique.flatMap(({ columns, predicate }) => (columns.length === 1 && predicate === undefined ? columns : [])),
  )
  const given = part.rows.flat().filter(({ column }) => sole.has(column))
  return [
    ...drawn.flatMap((column) => rows.map((row) => ({ column, text: row.get(`${part.table}.${column}`) }))),
    ...given.flatMap(({ column, value }) => listParameters(value, op).map((text) => ({ column, text }))),
  ].flatMap(({ column, text }) => (text === undefined || text === null ? [] : [{ column, text }]))
}

type Add = (link: Omit<Link, 'guards'>) => void

/** A subquery keeps the old snapshot while its statement waits for a lock. */
function addNested(read: Op, write: Op, add: Add): void {
  const { part } = write
  if (read.part.kind !== 'read' || !isWrite(part) || !part.sources.includes(read.place)) return
  const cells = listCells(read)
  const base = { read, write, cells, isSure: true }
  if (part.kind === 'insert') return add({ ...base, kind: 'absent', isOfSet: true, column: '' })
  const comesFrom = (value: Value | undefined) => value?.kind === 'read' && value.parts.includes(read.place)
  if (part.conditions.some(({ value }) => comesFrom(value)))
    return add({ ...base, kind: 'picked', isOfSet: true, column: '' })
  if (part.kind === 'delete') return add({ ...base, kind: 'decided', isOfSet: true, column: '' })
  const set = part.set.find(({ value }) => value.kind === 'read')
  const isJoined = set?.value.kind === 'read' && set.value.columns.some(({ table }) => isOf(read, table))
  if (set && (comesFrom(set.value) || isJoined)) add({ ...base, kind: 'computed', isOfSet: true, column: set.column })
  else add({ ...base, kind: 'decided', isOfSet: true, column: '' })
}

const isOf = (op: Op, table: string): boolean => tablesOf(op).includes(table)

/** Everything that an answer depends on, by what its text names. */
function listCells({ part, rows }: Op): string[] {
  if (part.kind === 'lock' || part.kind === 'insert') return []
  const named = [...part.conditions, ...part.others].map(({ table, column }) => `${table}.${column}`)
  const given =
    part.kind === 'read'
      ? part.outputs.flatMap(({ columns }) => columns.map(({ table, column }) => `${table}.${column}`))
      : []
  const seen = rows[0] ? [...rows[0].keys()].filter((fact) => !fact.startsWith('=')) : []
  return [...new Set([...named, ...given, ...seen])]
}

const listPredicate = ({ part }: Op): string[] =>
  part.kind === 'lock' || part.kind === 'insert'
    ? []
    : [...part.conditions, ...part.others].map(({ table, column }) => `${table}.${column}`)

function addLater(trace: Trace, read: Op, write: Op, catalog: Catalog, add: Add): void {
  const { part } = write
  if (!isWrite(part) || read.part.kind === 'lock' || read.part.kind === 'insert') return
  const table = catalog.findByWholeName(part.table)
  if (read.part.kind === 'read') {
    addValues(trace, read, write, add)
    addUsed(trace, read, write, add)
    if (isPicked(trace, read, write, table)) {
      const cells = listPredicate(read)
      add({ kind: 'picked', read, write, cells, isOfSet: true, column: '', isSure: true })
    }
  }
  if (isOf(read, part.table)) addSet(read, write, table, add)
  if (read.part.kind === 'read' && !countsItself(trace, read))
    add({ kind: 'decided', read, write, cells: listCells(read), isOfSet: true, column: '', isSure: false })
}

/** Whoever counts when what it adds is committed is seen by the other, or sees it: the last one decides right. */
const countsItself = (trace: Trace, read: Op): boolean =>
  trace.ops.some(
    (op) =>
      op.at < read.at &&
      op.part.kind === 'insert' &&
      op.transaction !== read.transaction &&
      isOf(read, op.part.table) &&
      isInserted(read, op),
  )

/** Whether it asks for one row by a key. */
export function isByKey({ part }: Op, table: Table | undefined): boolean {
  if (table === undefined || part.kind === 'lock' || part.kind === 'insert') return false
  const equal = new Set(part.conditions.filter(({ op }) => op === '=').map(({ column }) => column))
  const covers = (columns: readonly string[]) => columns.length > 0 && columns.every((column) => equal.has(column))
  return (
    covers(table.key) ||
    table.unique.some((index) => index.predicate === undefined && !index.expressions && covers(index.columns))
  )
}

function isPicked(trace: Trace, read: Op, write: Op, table: Table | undefined): boolean {
  const { part } = write
  if (!isWrite(part) || part.kind === 'insert' || !isOf(read, part.table) || isByKey(read, table)) return false
  const isFirstOfMany = read.part.kind === 'read' && read.part.hasLimit
  const found = part.conditions.some(({ op, column, value }) => {
    const texts = op === '=' ? resolveValue(value, write) : []
    return (
      (table?.key.includes(column) ?? true) &&
      // One that the caller has named was not picked.
      texts.some(
        (text) =>
          text !== null &&
          (isFirstOfMany || !trace.inputs.has(text)) &&
          read.rows.some((row) => row.get(`${part.table}.${column}`) === text),
      )
    )
  })
  if (!found) return false
  // It leaves the set that it was picked from.
  const asked = new Set(listPredicate(read))
  return part.kind === 'delete' || part.set.some(({ column }) => asked.has(`${part.table}.${column}`))
}

const isEmpty = ({ part, rows, rowCount }: Op): boolean => {
  if (part.kind !== 'read') return rowCount === 0
  const [row] = rows
  if (rowCount === 0) return true
  const isFalsy = (text: string | null | undefined) => text === '0' || text === 'false' || text === null
  return (
    rows.length === 1 &&
    row !== undefined &&
    row.size > 0 &&
    part.outputs.some(({ aggregate }) => aggregate !== '') &&
    [...row].every(([fact, text]) => fact.startsWith('=') && isFalsy(text))
  )
}

/** The row that is inserted is one of those that were asked for. */
function addSet(read: Op, write: Op, table: Table | undefined, add: Add): void {
  const { part } = write
  if (!isWrite(part)) return
  const cells = listPredicate(read)
  const base = { read, write, cells, isOfSet: true, column: '' }
  if (read.part.kind !== 'read' && addReplaced(read, write, table, base, add)) return
  if (part.kind !== 'insert' || !isInserted(read, write)) return
  // The highest number so far is no limit: what follows from it is the number.
  if (
    read.part.kind === 'read' &&
    read.part.outputs.some(({ aggregate }) => aggregate === 'max' || aggregate === 'min')
  )
    return
  const isSum =
    read.part.kind === 'read' && read.part.outputs.some(({ aggregate }) => aggregate === 'sum' || aggregate === 'avg')
  if (isEmpty(read) && !isSum) add({ ...base, kind: 'absent', isSure: true })
  else if (read.part.kind === 'read' && !isByKey(read, table))
    // Who raises the isolation means that what is read decides.
    add({ ...base, kind: 'set', isSure: read.part.isAggregate || isIsolated(read, write) })
}

const isIsolated = (read: Op, write: Op): boolean =>
  read.transaction === write.transaction && read.transaction.isolation !== 'read committed'

/** Cleared first, then filled: the clearing does not see what another request fills in at the same time. */
function addReplaced(
  read: Op,
  write: Op,
  table: Table | undefined,
  base: Omit<Link, 'kind' | 'isSure' | 'guards'>,
  add: Add,
) {
  const { part } = write
  if (isByKey(read, table) && read.rowCount !== 0) return true
  if (part.kind === 'insert') {
    if (!isInserted(read, write) || read.rowCount === 0) return false
    add({ ...base, kind: 'replaced', isSure: true })
    return true
  }
  if (part.kind !== 'update' || read.part.kind !== 'update') return false
  const cleared = new Map(read.part.set.map(({ column, value }) => [column, resolveValue(value, read)[0]]))
  const filled = part.set.find(({ column, value }) => {
    const before = cleared.get(column)
    const [after] = resolveValue(value, write)
    return before !== undefined && after !== undefined && before !== after
  })
  if (filled === undefined) return false
  const cells = [...base.cells, `${part.table}.${filled.column}`]
  add({ ...base, cells, kind: 'replaced', column: filled.column, isSure: true })
  return true
}

/** The values that were asked for are those that are inserted; what is not inserted has its default. */
function isInserted(read: Op, write: Op): boolean {
  if (write.part.kind !== 'insert' || read.part.kind === 'lock' || read.part.kind === 'insert') return false
  const { table } = write.part
  const asked = read.part.conditions.filter((condition) => condition.table === table && condition.op === '=')
  for (const row of write.part.rows) {
    const inserted = new Map(row.map(({ column, value }) => [column, listParameters(value, write)]))
    const matches = new Set(asked.map((condition) => matchInserted(condition, read, inserted)))
    if (matches.has(false)) continue
    if (matches.has(true)) return true
    if (asked.length === 0 && matchesLoosely(read, inserted)) return true
  }
  return false
}

function matchInserted({ column, value }: Condition, read: Op, inserted: ReadonlyMap<string, (string | null)[]>) {
  const given = inserted.get(column)
  const texts = resolveValue(value, read)
  if (given === undefined || texts.length === 0 || given.length === 0) return undefined
  return texts.some((text) => text !== null && given.includes(text))
}

/** `lower(email) = lower($1)`, ranges, arms of an OR: a column that is named, and a value that is given to both. */
function matchesLoosely(read: Op, inserted: ReadonlyMap<string, (string | null)[]>): boolean {
  if (read.part.kind !== 'read') return false
  const given = new Set(read.values.map((value) => (typeof value === 'string' ? value.toLowerCase() : String(value))))
  const named = [...read.part.others, ...read.part.conditions]
  return named.some(({ column }) =>
    inserted.get(column)?.some((text) => text !== null && given.has(text.toLowerCase())),
  )
}

/** Values that are written and come from what was read. */
function addValues(trace: Trace, read: Op, write: Op, add: Add): void {
  const { part } = write
  if (part.kind === 'delete' || !isWrite(part)) return
  const assigned = part.kind === 'update' ? part.set : [...part.rows.flat(), ...(part.conflict?.updates ?? [])]
  for (const { column, value } of assigned) {
    if (value.kind === 'drawn' || value.kind === 'relative' || value.kind === 'read') continue
    for (const text of listAssigned(value, write)) {
      const found = text === null ? undefined : findSource(trace, read, write, `${part.table}.${column}`, text)
      if (found) add({ ...found, read, write, column })
    }
  }
}

/** A row, or an amount, that was chosen by what another row said. */
function addUsed(trace: Trace, read: Op, write: Op, add: Add): void {
  const { part } = write
  if (part.kind !== 'update' && part.kind !== 'delete') return
  const keys = part.conditions.map(({ value }) => value)
  const amounts =
    part.kind === 'update' ? part.set.map(({ value }) => (value.kind === 'relative' ? value.by : undefined)) : []
  for (const [at, value] of [...keys, ...amounts].entries()) {
    for (const text of resolveValue(value, write)) {
      // Small amounts are alike by chance.
      if (text === null || trace.inputs.has(text) || (at >= keys.length && text.length < 3)) continue
      const source = [...(read.rows[0] ?? [])].find(
        ([fact, seen]) => seen === text && !fact.startsWith('=') && !isKeyFact(fact, read),
      )
      if (source === undefined) continue
      const isWeak = isShort(text) && !(at < keys.length && isNamedAlike(part.conditions[at]?.column ?? '', source[0]))
      add({ kind: 'copied', read, write, cells: [source[0]], isOfSet: false, column: '', isSure: true, isWeak })
    }
  }
}

/** An array is written as a whole. */
const listAssigned = (value: Value, op: Op): (string | null)[] => {
  const given = value.kind === 'parameter' ? op.values[value.number - 1] : undefined
  return Array.isArray(given) ? [toText(given) ?? null] : listParameters(value, op)
}

const isShort = (text: string): boolean => text.length < 4 || text === 'true' || text === 'false'

/** `id`, and `orders.user_id`; the second one may stand for itself. */
function isNamedAlike(column: string, fact: string): boolean {
  const read = fact.slice(fact.lastIndexOf('.') + 1)
  return read === column || read.endsWith(`_${column}`) || column.endsWith(`_${read}`)
}

/** What it was asked for by. */
const isKeyFact = (fact: string, { part }: Op): boolean =>
  part.kind !== 'read' || part.conditions.some(({ op, table, column }) => op === '=' && fact === `${table}.${column}`)

function findSource(
  trace: Trace,
  read: Op,
  write: Op,
  cell: string,
  text: string,
): Pick<Link, 'kind' | 'cells' | 'isOfSet' | 'isSure' | 'toggled' | 'isWeak'> | undefined {
  if (read.part.kind !== 'read') return undefined
  const row = findRow(read, write)
  const before = row?.get(cell)
  const isGiven = trace.inputs.has(text)
  // A ledger's last entry, the highest number so far: another row that comes changes it too.
  const isOfSet = write.part.kind === 'insert'
  const cells = isOfSet ? [cell, ...listPredicate(read)] : [cell]
  if (before !== undefined && before !== null && !isGiven) {
    if (before === text) return isOfSet ? undefined : { kind: 'copied', cells, isOfSet: false, isSure: true }
    const how = compareValues(text, before, trace)
    if (how === 'negated') return { kind: 'computed', cells, isOfSet, isSure: false, toggled: text }
    // `{ ...row.settings }` for another row.
    if (how === 'container' && isOfSet && text.startsWith('{'))
      return { kind: 'copied', cells: [cell], isOfSet: false, isSure: true }
    if (how !== undefined) return { kind: 'computed', cells, isOfSet, isSure: true }
    if (!isOfSet && trace.isInputKnown && isComputed(text, trace, cell))
      return { kind: 'computed', cells, isOfSet, isSure: true }
  }
  if (isGiven) return undefined
  return findAggregate(trace, read, text, cell) ?? findCopy(trace, read, write, text)
}

/** The row of a result that a write is about; the first one where that cannot be told. */
function findRow(read: Op, write: Op) {
  const { part } = write
  if (part.kind !== 'update' && part.kind !== 'delete') return read.rows[0]
  const keys = part.conditions.filter(({ op }) => op === '=')
  const isSame = (row: ReadonlyMap<string, string | null>) =>
    keys.every(({ table, column, value }) => {
      const [fact, texts] = [row.get(`${table}.${column}`), resolveValue(value, write)]
      return fact === undefined || texts.length === 0 || texts.includes(fact)
    })
  return read.rows.find(isSame)
}

/** Not a clock, not chance, not copied from elsewhere: what else but the program's own work on what it had read. */
function isComputed(text: string, trace: Trace, cell: string): boolean {
  if (isRandomLike(text) || text === '') return false
  const time = toTime(text)
  if (time !== undefined && Math.abs(time - Date.now()) < 60_000) return false
  // Words of the program itself are decisions, told by what other requests do.
  if (!/\d/.test(text) && text.length < 40) return false
  return !trace.ops.some(({ rows }) =>
    rows.some((row) => [...row].some(([fact, value]) => fact !== cell && value === text)),
  )
}

/** Into another table: what it is there is to be the same here, and whoever changes one changes the other. */
function findCopy(
  trace: Trace,
  { rows }: Op,
  { part }: Op,
  text: string,
): Pick<Link, 'kind' | 'cells' | 'isOfSet' | 'isSure'> | undefined {
  if (part.kind !== 'insert') return undefined
  const others = [...(rows[0] ?? [])].filter(([fact]) => !fact.startsWith('=') && !fact.startsWith(`${part.table}.`))
  const base = { isOfSet: false, isSure: true } as const
  // What was there before, kept beside what replaces it; the next number, of a counter that is moved on.
  for (const [fact, value] of others) {
    if (value === null || !isMoved(trace, fact)) continue
    if (value === text) return { ...base, kind: 'copied', cells: [fact] }
    if (compareValues(text, value, trace) === 'arithmetic') return { ...base, kind: 'computed', cells: [fact] }
  }
  const source = text.length < 3 ? undefined : others.find(([, value]) => value === text)
  return source && { ...base, kind: 'copied', cells: [source[0]] }
}

const isMoved = ({ ops }: Trace, cell: string): boolean =>
  ops.some(({ part }) => part.kind === 'update' && part.set.some(({ column }) => `${part.table}.${column}` === cell))

/** `max + 1`, `count`, `sum`: of the server, or added up by the program. */
function findAggregate(
  trace: Trace,
  read: Op,
  text: string,
  cell: string,
): Pick<Link, 'kind' | 'cells' | 'isOfSet' | 'isSure' | 'isWeak'> | undefined {
  const { part, rows } = read
  const number = Number(text)
  if (part.kind !== 'read' || text === '' || Number.isNaN(number)) return undefined
  // `max(position)` of what becomes a position is no chance.
  const isOfCell = part.outputs.some(({ columns }) => columns.some((each) => `${each.table}.${each.column}` === cell))
  const isWeak = !isOfCell && isShort(text)
  const link = { kind: 'computed', cells: listCells(read), isOfSet: true, isSure: true, isWeak } as const
  for (const [fact, value] of rows[0] ?? []) {
    if (!fact.startsWith('=') || value === null) continue
    if (value === text && number !== 0 && number !== 1) return link
    // From nothing every number is as far away as it is large.
    const isFar = value === '0' && number !== 1
    if (part.isAggregate && !isFar && compareValues(text, value, trace) !== undefined) return link
  }
  if (rows.length < 2) return undefined
  const sums = new Map<string, number>()
  for (const row of rows) for (const [fact, value] of row) sums.set(fact, (sums.get(fact) ?? 0) + Number(value ?? 0))
  const isCount = number > 2 && (number === rows.length || number === rows.length + 1)
  return isCount || (number > 3 && [...sums.values()].some((sum) => Math.abs(sum - number) < 1e-9)) ? link : undefined
}
