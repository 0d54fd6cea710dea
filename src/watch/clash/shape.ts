/** What a statement does with rows, as far as its text tells: read once for each text. */
export interface Shape {
  parts: readonly Part[]
  /** What it says of its transaction. */
  control: Control | undefined
}

export type Part = ReadPart | InsertPart | UpdatePart | DeletePart | LockPart

export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

export type Control =
  | { kind: 'begin' | 'isolation' | 'default isolation'; isolation: Isolation | undefined }
  | { kind: 'end'; isUndone: boolean }

export interface ColumnName {
  table: string
  column: string
}

/** Where a value comes from. */
export type Value =
  | { kind: 'parameter'; number: number }
  | { kind: 'constant'; text: string | null }
  | { kind: 'list'; values: readonly Value[] }
  /** A clock, a sequence or chance. */
  | { kind: 'drawn' }
  /** Of the row that is written: `c = c - $1`, `c = array_append(c, $1)`. */
  | { kind: 'relative'; op: '+' | '-' | 'other'; by: Value | undefined; columns: readonly string[] }
  /** Of rows that another part of the statement reads. */
  | { kind: 'read'; parts: readonly number[]; columns: readonly ColumnName[] }
  /** A function of what the program gave. */
  | { kind: 'expression'; values: readonly Value[] }

export interface Condition extends ColumnName {
  op: '=' | '<>' | '<' | '>' | 'other'
  value: Value | undefined
}

export interface Assignment {
  column: string
  value: Value
}

export interface RowLock {
  /** `key share` keeps nobody from changing what is no key. */
  strength: 'update' | 'share' | 'key share'
  skips: boolean
  tables: readonly string[]
}

export interface Output {
  name: string
  columns: readonly ColumnName[]
  /** `count`, `max`, …; '' otherwise. */
  aggregate: string
}

export interface ReadPart {
  kind: 'read'
  tables: readonly string[]
  conditions: readonly Condition[]
  /** Columns in conditions that are not told in `conditions`: arms of an OR, functions of columns. */
  others: readonly ColumnName[]
  outputs: readonly Output[]
  isAggregate: boolean
  hasLimit: boolean
  lock: RowLock | undefined
  /** Inside of a statement that does more: a subquery, an arm of WITH. */
  isNested: boolean
}

export interface InsertPart {
  kind: 'insert'
  table: string
  rows: readonly (readonly Assignment[])[]
  conflict: { columns: readonly string[]; updates: readonly Assignment[] | undefined } | undefined
  /** Parts of this statement whose rows decide whether, or what, it inserts. */
  sources: readonly number[]
}

export interface UpdatePart {
  kind: 'update'
  table: string
  set: readonly Assignment[]
  conditions: readonly Condition[]
  others: readonly ColumnName[]
  sources: readonly number[]
}

export interface DeletePart {
  kind: 'delete'
  table: string
  conditions: readonly Condition[]
  others: readonly ColumnName[]
  sources: readonly number[]
}

/** An advisory lock, or one of a table. */
export interface LockPart {
  kind: 'lock'
  object: string
  values: readonly Value[]
  /** Until the session lets go, not the transaction. */
  isOfSession: boolean
  isUnlock: boolean
}

export type WritePart = InsertPart | UpdatePart | DeletePart

export const isWrite = (part: Part): part is WritePart => part.kind !== 'read' && part.kind !== 'lock'

export function tablesOf({ part }: { readonly part: Part }): readonly string[] {
  if (part.kind === 'read') return part.tables
  return part.kind === 'lock' ? [] : [part.table]
}

/** Of `table.column`; a table may have its schema in front. */
export const tableOfCell = (cell: string): string => cell.slice(0, cell.lastIndexOf('.'))
