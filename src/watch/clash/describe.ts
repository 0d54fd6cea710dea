import { createHash } from 'node:crypto'
import type { Overlaps, RealOverlap } from './overlaps.js'
import { listSet, type Verdict } from './judge.js'
import type { Deed, KnownLink } from './route-book.js'
import { tableOfCell, tablesOf, type Value } from './shape.js'

export type ClashKind =
  | 'lost update'
  | 'check then update'
  | 'check then insert'
  | 'get or create'
  | 'write skew'
  | 'queue'
  | 'replaced set'
  | 'number drawn by reading'

export interface ClashStep {
  route: string
  /** The statement's id, as elsewhere in watch. */
  statement: string
  text: string
  /** `src/orders.ts:41`; '': not known. */
  site: string
}

export interface ClashHints {
  /** Columns that the read asks for by value. */
  keys: readonly string[]
  reads: 'row' | 'rows' | 'aggregate'
  /** Read and write are one statement. */
  isOneStatement: boolean
  /** Columns that the write sets, and whether by an amount. */
  sets: readonly { column: string; how: 'value' | 'constant' | 'plus' | 'minus' | 'other' }[]
  writes: 'insert' | 'update' | 'delete'
  /** The table that is written. */
  into: string
  /** The read's transaction is the write's, and the other route's write is in one as well. */
  isInTransaction: boolean
  /** The other route's statement is in no transaction, and not all that it does. */
  isOtherAlone: boolean
}

/** Two routes, perhaps the same one, that can meet at rows of a table so that one of them does what neither order would. */
export interface Clash {
  /** Stays the same from process to process. */
  id: string
  kind: ClashKind
  table: string
  columns: readonly string[]
  read: ClashStep
  write: ClashStep
  /** What comes between. */
  other: ClashStep
  /** What a fix is made of. */
  hints: ClashHints
  sharesTransaction: boolean
  isolation: string
  /** What there is and does not help, in words. */
  inVain: readonly string[]
  /** What keeps them apart; null: nothing, it is a clash. */
  protectedBy: string | null
  /** Requests that were really between the read and the write of the same row at the same time. */
  overlaps: number
  /** The last of them; null: none was seen. */
  realOverlap: RealOverlap | null
  /** The longest time that the window stood open. @unit ms */
  windowMs: number
  requests: number
}

/** By routes and table: one that can go wrong in several ways is told once, by the likeliest. */
export function describeClashes(verdicts: readonly Verdict[], overlaps: Overlaps): Clash[] {
  const byPair = new Map<string, Clash>()
  for (const verdict of verdicts) {
    const clash = describeClash(verdict, overlaps)
    const key = [[clash.read.route, clash.other.route].toSorted().join('\n'), clash.table].join('\n\n')
    const known = byPair.get(key)
    if (known === undefined || isLikelier(clash, known)) byPair.set(key, clash)
  }
  return [...byPair.values()].toSorted((a, b) => b.overlaps - a.overlaps || b.windowMs - a.windowMs)
}

const certainty: readonly ClashKind[] = [
  'write skew',
  'check then update',
  'replaced set',
  'queue',
  'number drawn by reading',
  'get or create',
  'check then insert',
  'lost update',
]

const isLikelier = (one: Clash, other: Clash): boolean =>
  rank(one) - rank(other) > 0 || (rank(one) === rank(other) && one.requests > other.requests)

const rank = ({ protectedBy, kind }: Clash): number => (protectedBy === null ? 100 : 0) + certainty.indexOf(kind)

function describeClash({ link, other, protectedBy }: Verdict, overlaps: Overlaps): Clash {
  const { guards, read, write } = link
  const table =
    link.cells[0] === undefined || link.isOfSet ? (tablesOf(read)[0] ?? other.part.table) : tableOfCell(link.cells[0])
  const inVain: string[] = []
  if (!guards.sharesTransaction) inVain.push('read and write are not in one transaction')
  if (guards.sharesTransaction && guards.isolation !== 'read committed') inVain.push(guards.isolation.toUpperCase())
  if (guards.locksRows) inVain.push('the rows that are read are locked; others come')
  for (const lock of guards.under) inVain.push(`a lock of ${link.route} (${lock}) that ${other.route} does not take`)
  return {
    id: nameClash([link.route, read.statement, write.statement, other.route, table]),
    kind: nameKind(link, other.part.table),
    table,
    columns: listColumns(link, other),
    read: toStep(link.route, read),
    write: toStep(link.route, write),
    other: toStep(other.route, other.deed),
    hints: readHints(link, other),
    sharesTransaction: guards.sharesTransaction,
    isolation: guards.isolation,
    inVain,
    protectedBy: protectedBy ?? null,
    overlaps: overlaps.count(link.route, other.route, table),
    realOverlap: overlaps.last(link.route, other.route, table) ?? null,
    windowMs: guards.windowMs,
    requests: link.requests,
  }
}

/** Of all that a decision may hang on, what the other request changes. */
function listColumns(link: KnownLink, other: Verdict['other']): string[] {
  if (link.column !== '') return [link.column]
  const cells = new Set(link.cells)
  const changed = listSet(other).filter(({ column }) => cells.has(`${other.part.table}.${column}`))
  return [...new Set(changed.length > 0 ? changed.map(({ column }) => column) : link.cells.map(columnOf))].slice(0, 8)
}

const nameClash = (parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 8)

function readHints({ read, write, guards }: KnownLink, other: Verdict['other']): ClashHints {
  const asked =
    read.part.kind === 'read' || read.part.kind === 'update' || read.part.kind === 'delete' ? read.part.conditions : []
  const { part } = write
  const set = part.kind === 'update' ? part.set : part.kind === 'insert' ? (part.rows[0] ?? []) : []
  const reads =
    read.part.kind !== 'read' ? 'rows' : read.part.isAggregate ? 'aggregate' : read.part.hasLimit ? 'rows' : 'row'
  return {
    keys: [...new Set(asked.filter(({ op }) => op === '=').map(({ column }) => column))],
    reads,
    isOneStatement: read.part.kind === 'read' && read.part.isNested,
    sets: set.map(({ column, value }) => ({ column, how: nameHow(value) })),
    writes: part.kind === 'insert' || part.kind === 'delete' ? part.kind : 'update',
    into: tablesOf(write)[0] ?? '',
    isInTransaction: guards.sharesTransaction && !guards.isAutocommit,
    isOtherAlone: other.isAlone,
  }
}

function nameHow(value: Value): ClashHints['sets'][number]['how'] {
  if (value.kind === 'constant') return 'constant'
  if (value.kind !== 'relative') return value.kind === 'parameter' ? 'value' : 'other'
  return value.op === '+' ? 'plus' : value.op === '-' ? 'minus' : 'other'
}

const columnOf = (cell: string): string => cell.slice(cell.lastIndexOf('.') + 1)

function nameKind({ kind, isOfSet, write, read }: KnownLink, otherTable: string): ClashKind {
  const isSameTable = tablesOf(write)[0] === otherTable && tablesOf(read).includes(otherTable)
  switch (kind) {
    case 'computed':
      return isOfSet && write.part.kind === 'insert' && !write.part.conflict?.updates
        ? 'number drawn by reading'
        : 'lost update'
    case 'copied':
      return 'lost update'
    case 'absent':
      // A limit that a subquery counts against.
      return read.part.kind === 'read' && read.part.isNested && read.part.isAggregate
        ? 'write skew'
        : 'check then insert'
    case 'set':
      return 'write skew'
    case 'replaced':
      return 'replaced set'
    case 'picked':
      return 'queue'
    case 'decided':
      return isSameTable && !isOfSet ? 'check then update' : 'write skew'
  }
}

const toStep = (route: string, { statement, text, site }: Deed): ClashStep => ({ route, statement, text, site })
