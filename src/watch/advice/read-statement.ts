import { lastName, nameOf, walk, type Node, type RangeVar, type SelectStmt } from './ast.js'
import { emptyFilter, type Need, type StatementNeeds } from './needs.js'
import { readConditions } from './read-conditions.js'
import { readOrder } from './read-order.js'
import type { Reader } from './reader.js'
import { readOutputs, resolveColumn, starSources, isStar, type Derived, type Scope, type Source } from './scope.js'
import type { Catalog } from './types.js'

/** What a statement asks of each table it names. No database is asked: the tables are given. */
export function readStatement(tree: Node, catalog: Catalog, { hasTrigrams = false } = {}): StatementNeeds {
  const needs: StatementNeeds = {
    needs: [],
    parameters: new Map(),
    refused: new Set(),
    rewrites: new Map(),
    notes: new Set(),
    isWrite: false,
    locksRows: false,
    functions: new Set(),
  }
  const reader: Reader = {
    catalog,
    needs,
    hasTrigrams,
    readSelect: (select, outer) => readSelect(select, outer, reader),
  }
  walk(tree, (kind, value) => {
    if (kind === 'FuncCall') needs.functions.add(lastName(value['funcname'] as Node[]))
    if (kind === 'LockingClause') needs.locksRows = true
    return true
  })
  readAny(tree, undefined, reader)
  return needs
}

/** Of a WITH each part may be a statement of its own. */
function readAny(tree: Node, outer: Scope | undefined, reader: Reader): Derived | undefined {
  if ('SelectStmt' in tree) return readSelect(tree.SelectStmt, outer, reader)
  if ('UpdateStmt' in tree) {
    const { relation, fromClause, whereClause, withClause, targetList } = tree.UpdateStmt
    readChange({ relation, from: fromClause, where: whereClause, withClause, targets: targetList }, outer, reader)
  } else if ('DeleteStmt' in tree) {
    const { relation, usingClause, whereClause, withClause } = tree.DeleteStmt
    readChange({ relation, from: usingClause, where: whereClause, withClause, targets: [] }, outer, reader)
  } else if ('InsertStmt' in tree) {
    reader.needs.isWrite = true
    const scope = openScope(tree.InsertStmt.withClause, outer, reader)
    const { selectStmt } = tree.InsertStmt
    if (selectStmt !== undefined) readAny(selectStmt, scope, reader)
  } else {
    reader.needs.refused.add('It is neither a SELECT nor INSERT, UPDATE or DELETE: no index has a part in it.')
  }
  return undefined
}

interface Change {
  relation: RangeVar | undefined
  from: Node[] | undefined
  where: Node | undefined
  withClause: SelectStmt['withClause']
  targets: Node[] | undefined
}

function readChange({ relation, from, where, withClause, targets }: Change, outer: Scope | undefined, reader: Reader) {
  reader.needs.isWrite = true
  const scope = openScope(withClause, outer, reader)
  if (relation) scope.sources.push(openTable(relation, reader))
  const conditions = (from ?? []).flatMap((item) => readFrom(item, scope, reader))
  readSubqueries(targets, scope, reader)
  readConditions([...conditions, ...(where ? [where] : [])], scope, reader)
}

function openScope(withClause: SelectStmt['withClause'], outer: Scope | undefined, reader: Reader): Scope {
  const scope: Scope = { sources: [], ctes: new Map(outer?.ctes), outer }
  for (const cte of withClause?.ctes ?? []) {
    if (!('CommonTableExpr' in cte) || cte.CommonTableExpr.ctequery === undefined) continue
    const { ctename = '', ctequery, aliascolnames } = cte.CommonTableExpr
    const hidden: Derived = { outputs: new Map(), inner: scope, stars: [] }
    // While a recursive one is read, its own name is no table.
    if (withClause?.recursive === true) scope.ctes.set(ctename, hidden)
    const derived = readAny(ctequery, { ...scope, outer: undefined, sources: [] }, reader)
    scope.ctes.set(ctename, aliascolnames === undefined && derived ? derived : hidden)
  }
  return scope
}

function readSelect(select: SelectStmt, outer: Scope | undefined, reader: Reader): Derived {
  const scope = openScope(select.withClause, outer, reader)
  if (select.op !== undefined && select.op !== 'SETOP_NONE') {
    // An order over all arms is none of an arm.
    for (const arm of [select.larg, select.rarg]) if (arm) readSelect(arm, { ...scope, sources: [] }, reader)
    return { outputs: new Map(), inner: scope, stars: [] }
  }
  const conditions = (select.fromClause ?? []).flatMap((item) => readFrom(item, scope, reader))
  readSubqueries([select.targetList, select.havingClause, select.valuesLists], scope, reader)
  readConditions([...conditions, ...(select.whereClause ? [select.whereClause] : [])], scope, reader)
  readOrder(select, scope, reader)
  readLimit(select, reader)
  noteReads(select, scope)
  return readOutputs(select.targetList, scope, [])
}

function readLimit(select: SelectStmt, { needs }: Reader): void {
  for (const limit of [select.limitCount, select.limitOffset])
    walk({ limit }, (kind, value) => {
      if (kind === 'ParamRef') needs.parameters.set(Number(value['number'] ?? 0), { how: 'limit' })
      return true
    })
}

/** Takes up what FROM names; what its joins ask for comes back, to be read when all names are there. */
function readFrom(item: Node, scope: Scope, reader: Reader): Node[] {
  if ('RangeVar' in item) {
    scope.sources.push(openSource(item.RangeVar, scope, reader))
    return []
  }
  if ('RangeTableSample' in item && item.RangeTableSample.relation !== undefined)
    return readFrom(item.RangeTableSample.relation, scope, reader)
  if ('RangeSubselect' in item) {
    const { subquery, alias, lateral } = item.RangeSubselect
    if (!subquery || !('SelectStmt' in subquery)) return []
    const outer = lateral === true ? scope : { ...scope, sources: [] }
    scope.sources.push({ alias: alias?.aliasname ?? '', ...readSelect(subquery.SelectStmt, outer, reader) })
    return []
  }
  if (!('JoinExpr' in item)) return []
  const { larg, rarg, quals, usingClause, isNatural } = item.JoinExpr
  const before = scope.sources.length
  const left = larg ? readFrom(larg, scope, reader) : []
  const middle = scope.sources.length
  const right = rarg ? readFrom(rarg, scope, reader) : []
  const sides = [scope.sources.slice(before, middle), scope.sources.slice(middle)] as const
  const names = (usingClause ?? []).map((node) => ('String' in node ? (node.String.sval ?? '') : ''))
  if (isNatural === true)
    reader.needs.notes.add('A natural join was not followed: what it joins by is not in the text.')
  return [...left, ...right, ...(quals ? [quals] : []), ...names.flatMap((name) => writeUsing(name, sides, scope))]
}

/** `using (a)` is `l.a = r.a`. */
function writeUsing(name: string, sides: readonly [Source[], Source[]], scope: Scope): Node[] {
  const find = (sources: readonly Source[]) =>
    sources.find(({ alias }) => resolveColumn(writeColumn(alias, name), scope) !== undefined)
  const [left, right] = [find(sides[0]), find(sides[1])]
  if (!left || !right) return []
  const [lexpr, rexpr] = [writeColumn(left.alias, name), writeColumn(right.alias, name)]
  return [{ A_Expr: { kind: 'AEXPR_OP', name: [{ String: { sval: '=' } }], lexpr, rexpr } }]
}

const writeColumn = (alias: string, name: string): Node => ({
  ColumnRef: { fields: [{ String: { sval: alias } }, { String: { sval: name } }] },
})

function openSource(range: RangeVar, scope: Scope, reader: Reader): Source {
  const cte = range.schemaname === undefined ? scope.ctes.get(range.relname ?? '') : undefined
  return cte ? { ...cte, alias: range.alias?.aliasname ?? range.relname ?? '' } : openTable(range, reader)
}

function openTable(range: RangeVar, { catalog, needs }: Reader): Source {
  const alias = range.alias?.aliasname ?? range.relname ?? ''
  const table = catalog.get(nameOf(range))
  if (!table) return { alias, outputs: new Map(), inner: { sources: [], ctes: new Map(), outer: undefined }, stars: [] }
  const need: Need = {
    table,
    filter: emptyFilter(),
    arms: [],
    order: [],
    isLimited: false,
    groups: [],
    reads: new Set(),
  }
  needs.needs.push(need)
  return { alias, need }
}

function readSubqueries(tree: unknown, scope: Scope, reader: Reader): void {
  walk({ tree }, (kind, value) => {
    if (kind !== 'SubLink') return true
    const { subselect } = value as { subselect?: Node }
    if (subselect && 'SelectStmt' in subselect) readSelect(subselect.SelectStmt, scope, reader)
    return false
  })
}

/** Which columns an index would have to hold for the table itself not to be read. */
function noteReads(select: SelectStmt, scope: Scope): void {
  walk(select, (kind, value) => {
    if (kind !== 'ColumnRef') return true
    const node = { ColumnRef: value } as Node
    if (isStar(node)) for (const source of starSources(node, scope)) noteAll(source)
    const found = resolveColumn(node, scope)
    found?.need.reads?.add(found.column.name)
    return false
  })
}

function noteAll(source: Source): void {
  if ('need' in source) source.need.reads = undefined
  else for (const star of source.stars) noteAll(star)
}
