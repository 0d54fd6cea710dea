// PostgreSQL's parse tree: what a statement says, before the server has looked at any name in it.

import type { Node, RangeVar, StatementParser } from '../parser.js'

export { loadStatementParser, type Node, type RangeVar, type SelectStmt, type StatementParser } from '../parser.js'

type Token = ReturnType<StatementParser['scan']>['tokens'][number]

/** A function's, operator's or type's name without its schema. */
export function lastName(names: readonly Node[] | undefined): string {
  const last = names?.at(-1)
  return last !== undefined && 'String' in last ? (last.String.sval ?? '') : ''
}

export function namesOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => ('String' in node ? (node.String.sval ?? '') : '*'))
}

/** Each object of a tree with its kind, from the outside in. `visit` answers whether what is inside is of interest. */
export function walk(tree: unknown, visit: (kind: string, value: Record<string, unknown>) => boolean): void {
  if (Array.isArray(tree)) {
    for (const each of tree) walk(each, visit)
    return
  }
  if (typeof tree !== 'object' || tree === null) return
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value) || visit(key, value as Record<string, unknown>)) walk(value, visit)
  }
}

type WithClause = { ctes?: Node[]; recursive?: boolean }

/** The tables and views a tree names; a name of a WITH is none. */
export function listRangeVars(tree: unknown, hidden: ReadonlySet<string> = new Set()): RangeVar[] {
  if (Array.isArray(tree)) return tree.flatMap((each) => listRangeVars(each, hidden))
  if (typeof tree !== 'object' || tree === null) return []
  if ('relname' in tree) {
    const range = tree as RangeVar
    return range.schemaname === undefined && hidden.has(range.relname ?? '') ? [] : [range]
  }
  const found: RangeVar[] = []
  // `for update of o` names what is named before.
  const { withClause, lockedRels: _, ...others } = tree as { withClause?: WithClause; lockedRels?: unknown }
  const inside = new Set(hidden)
  for (const cte of withClause?.ctes ?? []) {
    if (!('CommonTableExpr' in cte)) continue
    const { ctename = '', ctequery } = cte.CommonTableExpr
    if (withClause?.recursive === true) inside.add(ctename)
    found.push(...listRangeVars(ctequery, inside))
    inside.add(ctename)
  }
  for (const value of Object.values(others)) found.push(...listRangeVars(value, inside))
  return found
}

/** As a statement calls it: `orders`, `sales.orders`. */
export function nameOf({ schemaname, relname = '' }: RangeVar): string {
  return schemaname === undefined ? quoteName(relname) : `${quoteName(schemaname)}.${quoteName(relname)}`
}

export interface Replacement {
  /** In the place of the name. */
  text: string
  /** What columns are still called by. */
  alias: string
}

/** Puts something else in the place of tables. Positions in the tree are bytes. */
export function replaceTables(
  parser: StatementParser,
  text: string,
  replace: (range: RangeVar) => Replacement | undefined,
): string {
  const bytes = Buffer.from(text)
  const { tokens } = parser.scan(text)
  const parts: Buffer[] = []
  let at = 0
  const ranges = listRangeVars(parser.parse(text)).toSorted((a, b) => (a.location ?? 0) - (b.location ?? 0))
  for (const range of ranges) {
    const replacement = replace(range)
    if (replacement === undefined) continue
    const { start, end } = findName(tokens, range)
    const alias = range.alias === undefined ? ` as ${quoteName(replacement.alias)}` : ''
    parts.push(bytes.subarray(at, start), Buffer.from(`${replacement.text}${alias}`))
    at = end
  }
  parts.push(bytes.subarray(at))
  return Buffer.concat(parts).toString()
}

/** `only` and the like may stand before the name; its parts are joined by points. */
function findName(tokens: readonly Token[], { location = 0, schemaname, catalogname }: RangeVar) {
  const first = tokens.findIndex(({ start }) => start >= location)
  const parts = 1 + Number(schemaname !== undefined) + Number(catalogname !== undefined)
  const begin = tokens[first]?.start ?? location
  return { start: begin, end: tokens[first + 2 * (parts - 1)]?.end ?? begin }
}

/** Words that PostgreSQL takes as a name only between quotes; a name between quotes is always right. */
const plainName = /^[a-z_][a-z0-9_]*$/
const reserved = new Set(
  `all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_date
  current_role current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch
  for foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp not null
  offset on only or order placing primary references returning select session_user some symmetric system_user table then
  to trailing true union unique user using variadic when where window with authorization binary collation concurrently
  cross current_schema freeze full ilike inner is isnull join left like natural notnull outer overlaps right similar
  tablesample verbose between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping
  inout int integer interval least national nchar none normalize nullif numeric out overlay position precision real row
  setof smallint substring time timestamp treat trim values varchar`.split(/\s+/),
)

export function quoteName(name: string): string {
  return plainName.test(name) && !reserved.has(name) ? name : `"${name.replaceAll('"', '""')}"`
}

export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
