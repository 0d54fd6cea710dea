/** What node-postgres says of a column. */
interface Field {
  name: string
  /** 0: an expression. */
  tableID: number
  columnID: number
}

/** A result of node-postgres, as far as it is looked at. */
export interface ResultLike {
  fields: readonly Field[]
  rows: readonly unknown[]
}

export interface ShapeColumn {
  name: string
  /** Where a row has its value. */
  at: string | number
  columnId: number
  /** A later column of the same name took its place in the row. */
  isLost: boolean
}

/** A table of the statement, or one of several aliases of it. */
export interface ShapeSource {
  tableId: number
  /** 0, or which alias of a table that is joined with itself. */
  alias: number
  columns: ShapeColumn[]
}

/** A name that more than one column has; node-postgres keeps the last one's value. */
export interface Shadow {
  name: string
  lostTableIds: number[]
  keptTableId: number
}

export interface ResultShape {
  sources: ShapeSource[]
  /** Of no table: expressions, aggregates. */
  expressions: ShapeColumn[]
  shadows: Shadow[]
  isOfArrays: boolean
  fields: readonly Field[]
}

/** Undefined: several results, none, or one that another driver made. */
export function readResult(result: unknown): ResultLike | undefined {
  const { rows, fields } = (result ?? {}) as { rows?: unknown; fields?: unknown }
  return Array.isArray(rows) && Array.isArray(fields) ? (result as ResultLike) : undefined
}

export function readShape({ fields, rows }: ResultLike): ResultShape {
  const isOfArrays = Array.isArray(rows[0])
  const lastOf = new Map(fields.map(({ name }, place) => [name, place]))
  const columns = fields.map(({ name, columnID }, place): ShapeColumn => {
    const isLost = !isOfArrays && lastOf.get(name) !== place
    return { name, at: isOfArrays ? place : name, columnId: columnID, isLost }
  })
  const sources: ShapeSource[] = []
  const current = new Map<number, ShapeSource>()
  const expressions: ShapeColumn[] = []
  for (const [place, { tableID, columnID }] of fields.entries()) {
    const column = columns[place] as ShapeColumn
    if (tableID === 0) {
      expressions.push(column)
      continue
    }
    const source = current.get(tableID)
    // A column that comes again is another alias of the table: RowDescription does not tell aliases apart.
    if (source === undefined || source.columns.some(({ columnId }) => columnId === columnID)) {
      const next = { tableId: tableID, alias: (source?.alias ?? -1) + 1, columns: [column] }
      current.set(tableID, next)
      sources.push(next)
    } else source.columns.push(column)
  }
  return { sources, expressions, shadows: isOfArrays ? [] : findShadows(fields), isOfArrays, fields }
}

/** The same text may be of other tables (search_path), and the same tables may be altered. */
export function isOfShape({ fields, isOfArrays }: ResultShape, result: ResultLike): boolean {
  const { fields: own, rows } = result
  if (own.length !== fields.length || Array.isArray(rows[0]) !== isOfArrays) return false
  for (let place = 0; place < own.length; place++) {
    const [a, b] = [own[place] as Field, fields[place] as Field]
    if (a.tableID !== b.tableID || a.columnID !== b.columnID || a.name !== b.name) return false
  }
  return true
}

function findShadows(fields: readonly Field[]): Shadow[] {
  const byName = new Map<string, Field[]>()
  for (const field of fields) {
    const same = byName.get(field.name)
    if (same) same.push(field)
    else byName.set(field.name, [field])
  }
  const shadows: Shadow[] = []
  for (const [name, same] of byName) {
    const kept = same.at(-1) as Field
    // The same column twice loses nothing. Two aliases of one table have equal ids, and do: seen by their neighbours.
    const lost = same.slice(0, -1).filter((field) => !isSameColumn(field, kept, fields))
    if (lost.length > 0)
      shadows.push({ name, lostTableIds: lost.map(({ tableID }) => tableID), keptTableId: kept.tableID })
  }
  return shadows
}

/** `select *, id` has one column of its table twice; a table joined with itself has all of them twice. */
function isSameColumn(field: Field, kept: Field, fields: readonly Field[]): boolean {
  if (field.tableID === 0 || field.tableID !== kept.tableID || field.columnID !== kept.columnID) return false
  const ofTable = fields.filter(({ tableID }) => tableID === field.tableID)
  return new Set(ofTable.map(({ columnID }) => columnID)).size > ofTable.length / 2
}
