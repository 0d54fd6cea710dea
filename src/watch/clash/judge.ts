import { groupBy } from '../group.js'
import type { Catalog } from './catalog.js'
import { isByKey } from './links.js'
import type { Deed, KnownLink, KnownWrite } from './route-book.js'
import { tableOfCell, tablesOf, type Assignment, type Condition, type Part, type Value } from './shape.js'
import type { Op } from './trace.js'

/** Two routes that can collide, or what keeps them from it. */
export interface Verdict {
  link: KnownLink
  other: KnownWrite
  /** What the other route reads that this one's write changes; undefined: both write the same column. */
  back: KnownLink | undefined
  /** Undefined: nothing. */
  protectedBy: string | undefined
}

/** Requests in which a small number has to be alike. */
const LEAST_ALIKE = 2

/** Whether it counts: of what a program decides, other requests must have shown it. */
export function isShown(link: KnownLink): boolean {
  // Small numbers are alike by chance, in one request and not in each.
  if (link.isWeak && (link.requests < LEAST_ALIKE || link.requests < link.chances)) return false
  if (link.kind === 'computed') return link.isSure && link.requests * 2 >= link.chances
  if (link.isRetaken) return false
  return link.isSure || link.decision !== undefined
}

export function judgePairs(links: readonly KnownLink[], writes: readonly KnownWrite[], catalog: Catalog): Verdict[] {
  const isConstant = ({ kind, column, route, write, isWeak, requests }: KnownLink) =>
    (kind === 'copied' || (isWeak && requests > 2)) &&
    writes.some(({ deed, constant, route: own }) => own === route && deed.key === write.key && constant.has(column))
  const all = links.filter((link) => isShown(link) && !isConstant(link))
  // What is known for sure of a read and a write says it better than that a program decided there.
  const isPlain = ({ kind }: KnownLink) => kind !== 'decided' && kind !== 'copied'
  const nameOf = ({ route, read, write }: KnownLink) => `${route} ${read.key}>${write.key}`
  const plain = new Set(all.filter(isPlain).map(nameOf))
  // Where rows were there already and one was added, it is a limit and no check for absence.
  const limits = new Set(all.filter(({ kind }) => kind === 'set').map(nameOf))
  const isTold = (link: KnownLink) =>
    isPlain(link) ? link.kind !== 'absent' || !limits.has(nameOf(link)) : !plain.has(nameOf(link))
  const shown = all.filter(isTold).map(sharpen)
  // Each pair of all routes would take the event loop for long: only those that meet at a table are looked at.
  const byTable = groupBy(writes, ({ part }) => part.table)
  const byRoute = groupBy(writes, ({ route }) => route)
  const linksOf = groupBy(shown, ({ route }) => route)
  const verdicts: Verdict[] = []
  for (const link of shown) {
    const own = byRoute.get(link.route) ?? []
    for (const table of listTables(link)) {
      for (const other of byTable.get(table) ?? []) {
        if (!changes(other, link, catalog)) continue
        const theirs = byRoute.get(other.route) ?? []
        const concerned = own.filter((write) => isConcerned(write, link))
        const back = linksOf.get(other.route)?.find((each) => concerned.some((write) => changes(write, each, catalog)))
        const isMissed = () =>
          theirs.some((write) => renews(write, link) || concerned.some((each) => escapes(each, write, catalog)))
        const isOverwritten = () => theirs.some((write) => overwrites(link, write))
        if (back === undefined && !isOverwritten() && !isMissed()) continue
        verdicts.push({ link, other, back, protectedBy: findProtection(link, other, catalog) })
      }
    }
  }
  return verdicts
}

/** What it writes because of this read, or where it has read: what else a request writes has reasons of its own. */
function isConcerned({ deed, part }: KnownWrite, { kind, write, read, cells }: KnownLink): boolean {
  // A copy is as it was when it was made, unless its request changes what it was made of.
  if (kind === 'copied' && write.part.kind === 'insert')
    return part.kind === 'update' && part.set.some(({ column }) => cells.includes(`${part.table}.${column}`))
  return deed.key === write.key || tablesOf(read).includes(part.table)
}

/** All copies are changed along with what they were made of; one that is made meanwhile is not among them. */
const renews = ({ part }: KnownWrite, { kind, write, column }: KnownLink): boolean =>
  kind === 'copied' &&
  part.kind === 'update' &&
  write.part.kind === 'insert' &&
  part.table === write.part.table &&
  part.set.some((set) => set.column === column)

/** Those whose change can make a difference to what was read. */
const listTables = ({ read, cells }: KnownLink): ReadonlySet<string> =>
  new Set([...tablesOf(read), ...cells.map(tableOfCell)])

/** What was seen of a decision tells which cells it hangs on. */
function sharpen(link: KnownLink): KnownLink {
  if (link.isSure || link.decision === undefined) return link
  const { cells, isOfSet, isOfExistence } = link.decision
  if (isOfSet && !isOfExistence) return { ...link, isOfSet }
  return {
    ...link,
    cells: [...cells, ...(isOfExistence ? listAsked(link.read.part) : [])],
    isOfSet: isOfSet || isOfExistence,
  }
}

/** What a statement finds to change depends on what the other does: rows of its own that come, go or are found no more. */
function escapes(own: KnownWrite, other: KnownWrite, catalog: Catalog): boolean {
  if (own.part.table !== other.part.table || other.part.kind === 'insert') return false
  // Of two that delete the second finds nothing, as it would afterwards.
  if (own.part.kind === 'delete') return other.part.kind !== 'delete'
  const table = catalog.findByWholeName(other.part.table)
  if (own.part.kind === 'insert') return !isByKey({ part: other.part } as Op, table)
  const asked = new Set([...other.part.conditions, ...other.part.others].map(({ column }) => column))
  // `set winner = leader` reads the row that it writes, and is told nothing of who leads a moment later.
  for (const { column, value } of listSet(other))
    for (const each of listUsed(value, other.part.table)) if (each !== column) asked.add(each)
  return own.part.set.some(({ column }) => asked.has(column) && !own.copied.has(column))
}

/** Columns of the row itself that a value is made of. */
function listUsed(value: Value, table: string): readonly string[] {
  if (value.kind === 'relative') return value.columns
  if (value.kind === 'list') return value.values.flatMap((each) => listUsed(each, table))
  if (value.kind !== 'read') return []
  return value.columns.filter((column) => column.table === table).map(({ column }) => column)
}

const listAsked = (part: Part): string[] =>
  part.kind === 'read' ? [...part.conditions, ...part.others].map(({ table, column }) => `${table}.${column}`) : []

const conditionsOf = (part: Part): readonly Condition[] =>
  part.kind === 'read' || part.kind === 'update' || part.kind === 'delete' ? part.conditions : []

export function listSet({ part }: KnownWrite): readonly Assignment[] {
  if (part.kind === 'update') return part.set
  return part.kind === 'insert' ? (part.conflict?.updates ?? []) : []
}

/** Whether the write changes what the read of the link found. */
function changes(other: KnownWrite, link: KnownLink, catalog: Catalog): boolean {
  const { part } = other
  if (contradicts(link.read, other)) return false
  // What is not there cannot be taken away.
  if (link.kind === 'absent' && takesOut(other, link.read)) return false
  const isSet = listSet(other).some(
    ({ column }) => !other.copied.has(column) && link.cells.includes(`${part.table}.${column}`),
  )
  if (isSet) return true
  if (!link.isOfSet || !tablesOf(link.read).includes(part.table)) return false
  if (part.kind === 'update') return false
  const table = catalog.findByWholeName(part.table)
  const isOneRow = isByKey({ part: link.read.part } as Op, table)
  // A row that was there stays the one of its key.
  const insertsThere = link.write.part.kind === 'insert' && link.write.part.table === part.table
  if (part.kind === 'insert') return !isOneRow || link.kind === 'absent' || insertsThere
  return true
}

/** No row comes among those that are asked for by it: it is deleted, or has null where a value is asked for. */
function takesOut({ part }: KnownWrite, read: Deed): boolean {
  if (part.kind !== 'update') return part.kind === 'delete'
  const isAsked = (name: string) =>
    conditionsOf(read.part).some(
      ({ table, column, op, value }) =>
        table === part.table && column === name && op === '=' && !(value?.kind === 'constant' && value.text === null),
    )
  return part.set.some(({ column, value }) => value.kind === 'constant' && value.text === null && isAsked(column))
}

/** They ask for different constants: `kind = 'a'` and `kind = 'b'`. */
function contradicts(read: Deed, { part }: KnownWrite): boolean {
  const constants = new Map<string, string | null>()
  for (const { table, column, op, value } of conditionsOf(read.part))
    if (op === '=' && value?.kind === 'constant') constants.set(`${table}.${column}`, value.text)
  const given =
    part.kind === 'insert'
      ? part.rows.flat().map(({ column, value }) => ({ column, value }))
      : conditionsOf(part).filter(
          ({ op, column }) => op === '=' && !(part.kind === 'update' && part.set.some((set) => set.column === column)),
        )
  return given.some(({ column, value }) => {
    const constant = constants.get(`${part.table}.${column}`)
    return constant !== undefined && value?.kind === 'constant' && value.text !== constant
  })
}

/** Both set one column, and not each by an amount: who comes last wins. */
function overwrites(link: KnownLink, other: KnownWrite): boolean {
  const own = setOf(link.write.part)
  if (tablesOf(link.write)[0] !== other.part.table) return false
  return own.some(({ column, value }) =>
    listSet(other).some((set) => {
      if (set.column !== column || other.copied.has(column)) return false
      if ((link.kind === 'copied' || link.kind === 'computed') && link.column !== '') return link.column === column
      return value.kind !== 'relative' || set.value.kind !== 'relative'
    }),
  )
}

const setOf = (part: Part): readonly Assignment[] => {
  if (part.kind === 'update') return part.set
  return part.kind === 'insert' ? (part.conflict?.updates ?? []) : []
}

/** What keeps the other write out from between the read and the write, or makes the write fail. */
function findProtection(link: KnownLink, other: KnownWrite, catalog: Catalog): string | undefined {
  const { guards } = link
  const isChanged = other.part.kind !== 'insert' || listSet(other).length > 0
  if (guards.isolation === 'serializable' && other.isolation === 'serializable') return 'SERIALIZABLE on both sides'
  if (guards.isolation !== 'read committed' && isChanged && writesReadRow(link, other, catalog))
    return guards.isolation.toUpperCase()
  if (guards.locksRows && isChanged && locksTable(link, other.part.table)) return 'the lock of the row that is read'
  const lock = guards.under.find(
    (object) => other.held.includes(object) || (isChanged && object === `row ${other.part.table}`),
  )
  if (lock !== undefined) return `a lock that both take first (${lock})`
  const moved = listSet(other).filter(({ column }) => !other.copied.has(column))
  const set = new Set(moved.map(({ column }) => `${other.part.table}.${column}`))
  const isOfOneRow =
    !link.isOfSet ||
    link.kind === 'picked' ||
    isByKey({ part: link.read.part } as Op, catalog.findByWholeName(tablesOf(link.read)[0] ?? ''))
  const isCompared = (cell: string) =>
    set.has(cell) || cell === `${other.part.table}.xmin` || cell === `${other.part.table}.ctid`
  if (isChanged && isOfOneRow && guards.compared.some(isCompared)) return 'a condition of the write on what was read'
  if (other.part.kind === 'delete' && link.write.part.kind === 'update' && tablesOf(link.write)[0] === other.part.table)
    return 'the row is gone'
  return findConstraint(link, other, catalog)
}

/** The rows that both are about are the same, so that the second to write one fails. */
const writesReadRow = (
  { read, write, cells, isOfSet, kind, guards }: KnownLink,
  other: KnownWrite,
  catalog: Catalog,
): boolean =>
  (!isOfSet ||
    kind === 'picked' ||
    isByKey({ part: read.part } as Op, catalog.findByWholeName(tablesOf(read)[0] ?? ''))) &&
  (guards.rewritten.includes(other.part.table) ||
    (write.part.kind !== 'insert' && tablesOf(write)[0] === other.part.table)) &&
  tablesOf(read).includes(other.part.table) &&
  cells.every((cell) => cell.startsWith(`${other.part.table}.`))

const locksTable = ({ read: { part } }: KnownLink, table: string): boolean =>
  part.kind === 'read' ? (part.lock?.tables.includes(table) ?? false) : part.kind !== 'lock' && part.table === table

function findConstraint(link: KnownLink, other: KnownWrite, catalog: Catalog): string | undefined {
  const { write, read } = link
  const name = tablesOf(write)[0] ?? ''
  const table = catalog.findByWholeName(name)
  if (table === undefined) return undefined
  if (other.part.kind !== 'delete' && write.part.kind === 'insert' && other.part.table === name) {
    const found = link.guards.unique.find((index) => other.indexes.includes(index))
    if (found) return `the unique index over ${found}`
    if (table.excluded.length > 0) return 'an exclusion constraint'
  }
  if (other.part.kind === 'delete' && write.part.kind === 'insert') {
    const deleted = catalog.findByWholeName(other.part.table)
    if (deleted && table.references.some(({ table: id }) => id === deleted.id)) return 'a foreign key'
  }
  if (write.part.kind === 'delete' && other.part.kind === 'insert') {
    const filled = catalog.findByWholeName(other.part.table)
    if (filled?.references.some(({ table: id, keeps }) => keeps && id === table.id)) return 'a foreign key'
  }
  const taken = setOf(write.part).filter(({ value }) => value.kind === 'relative' && value.op === '-')
  const isChecked = (cell: string) =>
    taken.some(({ column }) => `${name}.${column}` === cell && table.checked.has(column))
  const changed = listSet(other)
    .map(({ column }) => `${other.part.table}.${column}`)
    .filter((cell) => link.cells.includes(cell))
  if (taken.length > 0 && link.kind === 'decided' && changed.length > 0 && changed.every(isChecked))
    return 'a CHECK of the column'
  return tablesOf(read).includes(name) && table.excluded.length > 0 && link.isOfSet
    ? 'an exclusion constraint'
    : undefined
}
