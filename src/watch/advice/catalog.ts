import { listRangeVars, nameOf, replaceTables, type StatementParser } from './ast.js'
import type { Asker } from './session.js'
import { readColumns, readIndexes, readTables, type ColumnRow, type IndexRow, type TableRow } from './store.js'
import type { Catalog, CatalogIndex, CatalogTable } from './types.js'

/** A view of views of views ends somewhere. */
const MOST_VIEWS = 4

export interface LoadedStatement {
  /** With its views written out. */
  text: string
  catalog: Catalog
}

/** The tables of a statement, and those behind its views. */
export async function loadCatalog(ask: Asker, parser: StatementParser, given: string): Promise<LoadedStatement> {
  let text = given
  for (let depth = 0; ; depth++) {
    const names = [...new Set(listRangeVars(parser.parse(text)).map(nameOf))]
    const rows = names.length === 0 ? [] : await readTables(ask, names)
    const views = new Map(rows.flatMap(({ name, definition }) => (definition === null ? [] : [[name, definition]])))
    if (views.size === 0 || depth === MOST_VIEWS) return { text, catalog: await describeTables(ask, rows) }
    text = replaceTables(parser, text, (range) => {
      const definition = views.get(nameOf(range))
      return definition === undefined
        ? undefined
        : { text: `(${definition.replace(/;\s*$/, '')})`, alias: range.relname ?? '' }
    })
  }
}

async function describeTables(ask: Asker, rows: readonly TableRow[]): Promise<Catalog> {
  const oids = [...new Set(rows.map(({ oid }) => oid))]
  const columns = oids.length === 0 ? [] : await readColumns(ask, oids)
  const indexes = oids.length === 0 ? [] : await readIndexes(ask, oids)
  const tables = new Map(rows.map((row) => [row.oid, describeTable(row, columns, indexes)]))
  return new Map(rows.map(({ name, oid }) => [name, tables.get(oid) as CatalogTable]))
}

const kinds: Readonly<Record<string, CatalogTable['kind']>> = { r: 'table', m: 'table', p: 'partitioned', v: 'view' }

function describeTable(row: TableRow, columns: readonly ColumnRow[], indexes: readonly IndexRow[]): CatalogTable {
  const { oid, schema, rows, pages, inserts, updates, deletes, seconds } = row
  return {
    oid,
    schema,
    name: row.table,
    kind: row.persistence === 't' ? 'temporary' : (kinds[row.kind] ?? 'other'),
    columns: columns
      .filter((column) => column.oid === oid)
      .map(({ name, type, is_c: isCollationC, n_distinct: distinct, null_frac: nullShare, avg_width: width }) => ({
        name,
        type,
        isCollationC,
        distinct: distinct < 0 ? -distinct * rows : distinct,
        nullShare,
        width,
      })),
    indexes: indexes.filter((index) => index.oid === oid).map(describeIndex),
    rows,
    pages,
    definition: row.definition,
    partitions: row.partitions,
    hasRowSecurity: row.row_security,
    writes: { inserts, updates, deletes, seconds },
  }
}

const DESCENDING = 1
const NULLS_FIRST = 2

export function describeIndex(row: IndexRow): CatalogIndex {
  return {
    name: row.name,
    method: row.method,
    keys: row.keys.map(({ text, options, opclass }) => ({
      text,
      isDescending: (options & DESCENDING) !== 0,
      isNullsFirst: (options & NULLS_FIRST) !== 0,
      ...(opclass !== null && { opclass }),
    })),
    include: row.include,
    where: row.where,
    isUnique: row.is_unique,
    isConstraint: row.is_constraint,
    isValid: row.is_valid,
    definition: row.definition,
  }
}
