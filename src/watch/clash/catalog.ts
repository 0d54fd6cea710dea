export interface Column {
  name: string
  type: string
  /** By the database: from a sequence, a clock or at random. */
  drawn: boolean
}

export interface UniqueIndex {
  /** Without those that are expressions. */
  columns: readonly string[]
  predicate: string | undefined
  expressions: string | undefined
}

/** What protects a table by itself. */
export interface Table {
  id: number
  /** With its schema where that is not `public`. */
  name: string
  /** As statements may call it. */
  names: readonly string[]
  columns: ReadonlyMap<number, Column>
  key: readonly string[]
  unique: readonly UniqueIndex[]
  /** Columns that a CHECK is about. */
  checked: ReadonlySet<string>
  /** Columns of exclusion constraints. */
  excluded: readonly (readonly string[])[]
  /** `keeps`: a row that is referred to cannot be deleted. */
  references: readonly { columns: readonly string[]; table: number; keeps: boolean }[]
}

export class Catalog {
  readonly #byId: ReadonlyMap<number, Table>
  readonly #byName: ReadonlyMap<string, Table>

  constructor(tables: readonly Table[]) {
    this.#byId = new Map(tables.map((table) => [table.id, table]))
    this.#byName = new Map(tables.flatMap((table) => table.names.map((name) => [name, table] as const)))
  }

  get size(): number {
    return this.#byId.size
  }

  findById(id: number): Table | undefined {
    return this.#byId.get(id)
  }

  /** As a table is called here: with its schema where that is not `public`. */
  findByWholeName(name: string): Table | undefined {
    const at = name.indexOf('.')
    return at < 0
      ? (this.findByName('public', name) ?? this.findByName(undefined, name))
      : this.findByName(name.slice(0, at), name.slice(at + 1))
  }

  findByName(schema: string | undefined, name: string): Table | undefined {
    return this.#byName.get(schema === undefined ? name : `${schema}.${name}`)
  }
}

export const hasColumn = (table: Table, name: string): boolean => {
  for (const column of table.columns.values()) if (column.name === name) return true
  return false
}
