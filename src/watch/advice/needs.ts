import type { CatalogColumn, CatalogTable } from './types.js'

/** What an index is by: a column, or an expression over columns of one table. */
export interface Key {
  /** As it stands in the DDL. */
  text: string
  columns: CatalogColumn[]
  isExpression: boolean
}

export interface OrderKey extends Key {
  isDescending: boolean
  /** Where it is not what the direction implies. */
  nulls?: 'first' | 'last'
}

/** A condition that is the same at each run, such as `status = 'open'`. */
export interface Fixed {
  text: string
  /** It can as well be a column of the index. */
  key?: Key
  how: 'equal' | 'among' | 'other'
}

/** What is asked of a table's rows, all of it together. */
export interface Filter {
  equal: Key[]
  /** Columns of other tables that they must equal: of use when this table is looked up row by row. */
  joined: { key: Key; peer: Need | undefined }[]
  among: Key[]
  ranges: Key[]
  prefixes: Key[]
  fixed: Fixed[]
  contains: { key: Key; opclass?: string }[]
}

/** A table, each time a statement names it. */
export interface Need {
  table: CatalogTable
  filter: Filter
  /** Of an OR: each arm is a way of its own to find rows. */
  arms: Filter[]
  order: OrderKey[]
  /** Only the first rows of the order are wanted. */
  isLimited: boolean
  groups: Key[]
  /** All columns of it that are read; undefined: all there are. */
  reads: Set<string> | undefined
}

/** What a parameter is held against: where values are not given, a frequent one of that column takes its place. */
export type ParameterUse =
  | { column: CatalogColumn; table: CatalogTable; how: 'equal' | 'among' | 'above' | 'below' | 'prefix' }
  | { how: 'limit' }

export interface StatementNeeds {
  needs: Need[]
  parameters: Map<number, ParameterUse>
  refused: Set<string>
  rewrites: Map<string, string>
  notes: Set<string>
  /** It changes rows, or locks them: it is planned on copies only, and not run. */
  isWrite: boolean
  locksRows: boolean
  functions: Set<string>
}

export function emptyFilter(): Filter {
  return { equal: [], joined: [], among: [], ranges: [], prefixes: [], fixed: [], contains: [] }
}
