import { hasColumn, type Catalog, type Table } from './catalog.js'
import type { ColumnName } from './shape.js'

/** Names that a statement may use where it is read. */
export interface Scope {
  catalog: Catalog
  tables: Map<string, Table>
  /** Of the levels around this one. */
  outerTables: Map<string, Table>
  /** A WITH or a subquery in FROM: the places of what it reads. */
  derived: Map<string, readonly number[]>
  /** The table that the statement writes. */
  target: string | undefined
}

export const openScope = (catalog: Catalog): Scope => ({
  catalog,
  tables: new Map(),
  outerTables: new Map(),
  derived: new Map(),
  target: undefined,
})

/** The column of a table, or the parts that a derived table's column comes from. */
export function resolve(
  fields: readonly string[],
  scope: Scope,
): { column: ColumnName; isOuter: boolean } | { parts: readonly number[]; column: string } | undefined {
  const column = fields.at(-1) ?? ''
  const qualifier = fields.at(-2)
  if (qualifier !== undefined) {
    const table = scope.tables.get(qualifier)
    if (table) return { column: { table: table.name, column }, isOuter: false }
    const parts = scope.derived.get(qualifier)
    if (parts) return { parts, column }
    const outer = scope.outerTables.get(qualifier)
    return outer && { column: { table: outer.name, column }, isOuter: true }
  }
  const isOfSystem = column === 'xmin' || column === 'ctid'
  for (const table of scope.tables.values())
    if (isOfSystem || hasColumn(table, column)) return { column: { table: table.name, column }, isOuter: false }
  for (const parts of scope.derived.values()) if (parts.length > 0 && scope.tables.size === 0) return { parts, column }
  for (const table of scope.outerTables.values())
    if (hasColumn(table, column)) return { column: { table: table.name, column }, isOuter: true }
  return undefined
}
