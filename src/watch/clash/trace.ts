import type { RequestContext } from '../../core/index.js'
import { readResult, type ResultLike } from '../data-shape/result-shape.js'
import type { SeenStatement } from '../observe-query.js'
import type { Statement } from '../parser.js'
import type { Catalog } from './catalog.js'
import type { CallStack } from './site.js'
import type { Isolation, Part, ReadPart, Shape, Value } from './shape.js'
import { Inputs, toText } from './values.js'

/** Rows of a result that are looked at. */
const MOST_ROWS = 20
/** A request that does more is followed no further. */
const MOST_OPS = 200

export interface Transaction {
  id: number
  isolation: Isolation
  /** One statement by itself. */
  isAutocommit: boolean
  /** Rolled back: nothing was written. */
  isUndone: boolean
}

/** What a row had, by `table.column`, and by `=name` for what is computed of it. */
export type Row = ReadonlyMap<string, string | null>

/** One part of a statement, as it ran. */
export interface Op {
  /** Parts of one statement have the same. */
  at: number
  place: number
  part: Part
  statement: Statement
  site: CallStack | undefined
  transaction: Transaction
  values: readonly unknown[]
  rows: readonly Row[]
  rowCount: number
  startedAt: number
  endedAt: number
}

/** What a request did, with its values: until it ends. */
export interface Trace {
  request: RequestContext
  ops: Op[]
  /** What the request brought, if that is known. */
  inputs: Inputs
  isInputKnown: boolean
  isOverflowing: boolean
  failed: boolean
  sessions: Map<object, Session>
  statements: number
}

interface Session {
  transaction: Transaction | undefined
  isolation: Isolation
}

let transactions = 0

const openTransaction = (isolation: Isolation, isAutocommit: boolean): Transaction => ({
  id: ++transactions,
  isolation,
  isAutocommit,
  isUndone: false,
})

export function openTrace(request: RequestContext): Trace {
  return {
    request,
    ops: [],
    inputs: new Inputs(),
    isInputKnown: false,
    isOverflowing: false,
    failed: false,
    sessions: new Map(),
    statements: 0,
  }
}

export function addToTrace(
  trace: Trace,
  seen: SeenStatement,
  statement: Statement,
  shape: Shape | undefined,
  catalog: Catalog,
  site: CallStack | undefined,
): void {
  if (trace.ops.length >= MOST_OPS) trace.isOverflowing = true
  if (trace.isOverflowing) return
  const session = trace.sessions.get(seen.client) ?? { transaction: undefined, isolation: 'read committed' as const }
  trace.sessions.set(seen.client, session)
  const transaction = followTransaction(session, seen, shape)
  if (seen.isFailed) trace.failed = true
  else if (shape !== undefined && shape.parts.length > 0)
    addOps(trace, seen, statement, shape, catalog, transaction, site)
  if (readStatus(seen) === 'I') session.transaction = undefined
}

/** What node-postgres was told with the last answer; postgres.js does not tell. */
function readStatus({ client }: SeenStatement): string | undefined {
  const status = (client as { getTransactionStatus?: () => string | null }).getTransactionStatus?.()
  return status ?? undefined
}

function followTransaction(session: Session, seen: SeenStatement, shape: Shape | undefined): Transaction {
  const control = shape?.control
  if (control?.kind === 'begin') session.transaction = openTransaction(control.isolation ?? session.isolation, false)
  if (control?.kind === 'isolation' && session.transaction)
    session.transaction.isolation = control.isolation ?? session.isolation
  if (control?.kind === 'default isolation') session.isolation = control.isolation ?? session.isolation
  // BEGIN travelled with it.
  if (session.transaction === undefined && (seen.begin !== undefined || readStatus(seen) === 'T'))
    session.transaction = openTransaction(readIsolation(seen.begin) ?? session.isolation, false)
  const { transaction } = session
  if (control?.kind === 'end') {
    if (transaction) transaction.isUndone = control.isUndone
    session.transaction = undefined
  }
  return transaction ?? openTransaction(session.isolation, true)
}

const readIsolation = (begin: string | undefined): Isolation | undefined =>
  /serializable|repeatable read/.exec(begin ?? '')?.[0] as Isolation | undefined

function addOps(
  trace: Trace,
  seen: SeenStatement,
  statement: Statement,
  { parts }: Shape,
  catalog: Catalog,
  transaction: Transaction,
  site: CallStack | undefined,
): void {
  const at = trace.statements++
  const main = parts.length - 1
  for (const [place, part] of parts.entries()) {
    // Of arms and subqueries nothing comes back but through the last part.
    const isMain = place === main
    trace.ops.push({
      at,
      place,
      part,
      statement,
      site,
      transaction,
      values: seen.values ?? [],
      rows: isMain ? readRows(seen.result, catalog, part) : [],
      rowCount: isMain ? seen.rows : -1,
      startedAt: seen.endedAt - seen.ms,
      endedAt: seen.endedAt,
    })
  }
}

function readRows(result: unknown, catalog: Catalog, part: Part): Row[] {
  const read = readResult(result) ?? readPostgresJs(result)
  if (read === undefined) return []
  const { fields, rows } = read
  const names = fields.map(({ name, tableID, columnID }, place) => {
    const table = catalog.findById(tableID)
    const column = table?.columns.get(columnID)
    return table && column
      ? `${table.name}.${column.name}`
      : `=${part.kind === 'read' ? nameOutput(part, name, place) : name}`
  })
  return rows.slice(0, MOST_ROWS).map((row) => {
    const facts = new Map<string, string | null>()
    for (const [place, { name }] of fields.entries()) {
      const cell = Array.isArray(row) ? (row[place] as unknown) : (row as Record<string, unknown>)[name]
      const text = toText(cell)
      const fact = names[place] as string
      // Of two aliases of a table the first.
      if (text !== undefined && !facts.has(fact)) facts.set(fact, text)
    }
    return facts
  })
}

const nameOutput = (part: ReadPart, name: string, place: number): string =>
  part.outputs[place]?.name === '' ? String(place) : name

/** A result of postgres.js is an array with what it has been told beside. */
function readPostgresJs(result: unknown): ResultLike | undefined {
  const { columns } = (result ?? {}) as { columns?: { name: string; table?: number; number?: number }[] }
  if (!Array.isArray(result) || !Array.isArray(columns)) return undefined
  const fields = columns.map(({ name, table = 0, number = 0 }) => ({ name, tableID: table, columnID: number }))
  return { fields, rows: result }
}

/** The values a part's parameter stands for; more than one where it is a list. Empty: not known here. */
export function resolveValue(value: Value | undefined, op: Op): (string | null)[] {
  switch (value?.kind) {
    case 'constant':
      return [toText(value.text) ?? null]
    case 'parameter': {
      const given = op.values[value.number - 1]
      const list = Array.isArray(given) ? given : [given]
      return list.flatMap((each) => toText(each) ?? (each === null ? [null] : []))
    }
    case 'list':
      return value.values.flatMap((each) => resolveValue(each, op))
    default:
      return []
  }
}

/** Every value that the statement was given. */
export function listParameters(value: Value | undefined, op: Op): (string | null)[] {
  if (value?.kind === 'expression' || value?.kind === 'list')
    return value.values.flatMap((each) => listParameters(each, op))
  return resolveValue(value, op)
}
