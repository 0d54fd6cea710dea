import { lastName, walk, type Node, type RangeVar, type SelectStmt } from '../advice/ast.js'
import type { ParsedStatement } from '../parser.js'
import type { Catalog } from './catalog.js'
import { readControl } from './read-control.js'
import { readConditions } from './read-where.js'
import { openScope, type Scope } from './shape-scope.js'
import { aggregates, columnsOf, readValue } from './read-value.js'
import type { Assignment, Output, Part, RowLock, Shape } from './shape.js'

/** Undefined: nothing of it is of interest here, or it is more than is understood. */
export function readShape(parsed: readonly ParsedStatement[], catalog: Catalog): Shape | undefined {
  const [first] = parsed
  if (parsed.length !== 1 || first === undefined) return undefined
  const control = readControl(first)
  if (control !== undefined) return { parts: [], control }
  const parts: Part[] = []
  readAny({ [first.kind]: first.node } as unknown as Node, openScope(catalog), parts, false)
  return parts.length === 0 ? undefined : { parts, control: undefined }
}

/** The places of what it has read. */
function readAny(tree: Node, outer: Scope, parts: Part[], isNested: boolean): readonly number[] {
  const before = parts.length
  if ('SelectStmt' in tree) readSelect(tree.SelectStmt, outer, parts, isNested)
  else if ('InsertStmt' in tree) readInsert(tree.InsertStmt, outer, parts)
  else if ('UpdateStmt' in tree) readUpdate(tree.UpdateStmt, outer, parts)
  else if ('DeleteStmt' in tree) readDelete(tree.DeleteStmt, outer, parts)
  else if ('LockStmt' in tree) {
    for (const node of (tree.LockStmt as Tree).relations ?? [])
      if ('RangeVar' in node) pushLock(parts, `table ${node.RangeVar.relname ?? ''}`)
  }
  return parts.map((_part, place) => place).slice(before)
}

interface Tree {
  relation?: RangeVar
  relations?: Node[]
  cols?: Node[]
  targetList?: Node[]
  fromClause?: Node[]
  usingClause?: Node[]
  whereClause?: Node
  selectStmt?: Node
  withClause?: { ctes?: Node[] }
  returningList?: Node[]
  onConflictClause?: { action?: string; infer?: { indexElems?: Node[]; conname?: string }; targetList?: Node[] }
}

const pushLock = (parts: Part[], object: string): void =>
  void parts.push({ kind: 'lock', object, values: [], isOfSession: false, isUnlock: false })

function readWith(withClause: Tree['withClause'], outer: Scope, parts: Part[]): Scope {
  const scope: Scope = { ...outer, tables: new Map(outer.tables), derived: new Map(outer.derived) }
  for (const node of withClause?.ctes ?? []) {
    if (!('CommonTableExpr' in node) || node.CommonTableExpr.ctequery === undefined) continue
    const { ctename = '', ctequery } = node.CommonTableExpr
    scope.derived.set(ctename, readAny(ctequery, scope, parts, true))
  }
  return scope
}

const nest = (scope: Scope, parts: Part[]) => (tree: Node) => readAny(tree, scope, parts, true)

function readSelect(select: SelectStmt, outer: Scope, parts: Part[], isNested: boolean): void {
  const scope = readWith(select.withClause, outer, parts)
  if (select.op !== undefined && select.op !== 'SETOP_NONE') {
    for (const arm of [select.larg, select.rarg]) if (arm) readSelect(arm, scope, parts, isNested)
    return
  }
  // Names of this level only: what is around it is not read here.
  const own: Scope = { ...scope, tables: new Map(), outerTables: new Map([...scope.outerTables, ...scope.tables]) }
  const quals = (select.fromClause ?? []).flatMap((item) => readFrom(item, own, parts))
  readAdvisory(select, own, parts)
  if (select.whereClause) quals.push(select.whereClause)
  const { conditions, others } = readConditions(quals, own, nest(own, parts))
  const outputs = readOutputs(select.targetList, own, parts)
  const tables = [...new Set(own.tables.values())].map(({ name }) => name)
  if (tables.length === 0) return answerExists(parts, outputs, isNested)
  parts.push({
    kind: 'read',
    tables,
    conditions,
    others,
    outputs,
    isAggregate: outputs.some(({ aggregate }) => aggregate !== '') && select.groupClause === undefined,
    hasLimit: select.limitCount !== undefined,
    lock: readLock(select, own),
    isNested,
  })
}

/** `select exists (select …) as taken`: what is asked inside is what is answered. */
function answerExists(parts: Part[], outputs: readonly Output[], isNested: boolean): void {
  const last = parts.at(-1)
  if (last?.kind !== 'read' || !outputs.some(({ aggregate }) => aggregate === 'exists')) return
  parts[parts.length - 1] = { ...last, outputs, isAggregate: true, isNested }
}

/** Takes up what FROM names; what its joins ask for comes back. */
function readFrom(item: Node, scope: Scope, parts: Part[]): Node[] {
  if ('RangeVar' in item) {
    bindTable(item.RangeVar, scope)
    return []
  }
  if ('RangeSubselect' in item) {
    const { subquery, alias } = item.RangeSubselect
    if (subquery) scope.derived.set(alias?.aliasname ?? '', readAny(subquery, scope, parts, true))
    return []
  }
  if (!('JoinExpr' in item)) return []
  const { larg, rarg, quals } = item.JoinExpr
  const sides = [larg, rarg].flatMap((side) => (side ? readFrom(side, scope, parts) : []))
  return quals ? [...sides, quals] : sides
}

function bindTable(range: RangeVar, scope: Scope): void {
  const { schemaname, relname = '', alias } = range
  const name = alias?.aliasname ?? relname
  const derived = schemaname === undefined ? scope.derived.get(relname) : undefined
  if (derived) scope.derived.set(name, derived)
  else {
    const table = scope.catalog.findByName(schemaname, relname)
    if (table) scope.tables.set(name, table)
  }
}

function readLock({ lockingClause }: SelectStmt, scope: Scope): RowLock | undefined {
  for (const node of lockingClause ?? []) {
    if (!('LockingClause' in node)) continue
    const { lockedRels, strength, waitPolicy } = node.LockingClause
    const named = (lockedRels ?? []).flatMap((rel) => ('RangeVar' in rel ? [rel.RangeVar.relname ?? ''] : []))
    const all = [...scope.tables].filter(([alias]) => named.length === 0 || named.includes(alias))
    return {
      strength: nameStrength(strength),
      skips: waitPolicy === 'LockWaitSkip',
      tables: all.map(([, { name }]) => name),
    }
  }
  return undefined
}

const nameStrength = (strength = ''): RowLock['strength'] =>
  /FORUPDATE|FORNOKEYUPDATE/.test(strength) ? 'update' : strength === 'LCS_FORSHARE' ? 'share' : 'key share'

function readOutputs(targets: readonly Node[] | undefined, scope: Scope, parts: Part[]): Output[] {
  return (targets ?? []).flatMap((node) => {
    if (!('ResTarget' in node) || node.ResTarget.val === undefined) return []
    const { name, val } = node.ResTarget
    let aggregate = ''
    walk({ val }, (kind, value) => {
      if (kind === 'SubLink') {
        const { subselect } = value as { subselect?: Node }
        if (subselect) readAny(subselect, scope, parts, true)
        if (/EXISTS/.test(String((value as { subLinkType?: string }).subLinkType))) aggregate ||= 'exists'
        return false
      }
      if (kind === 'FuncCall') {
        const called = lastName(value['funcname'] as Node[])
        if (aggregates.has(called)) aggregate ||= called
      }
      return true
    })
    return [{ name: name ?? '', columns: columnsOf(val, scope), aggregate }]
  })
}

function readAdvisory(select: SelectStmt, scope: Scope, parts: Part[]): void {
  walk({ targets: select.targetList, from: select.fromClause, where: select.whereClause }, (kind, value) => {
    if (kind === 'SubLink' || kind === 'RangeSubselect') return false
    if (kind !== 'FuncCall') return true
    const name = lastName(value['funcname'] as Node[])
    if (!/^pg_(try_)?advisory_(xact_)?(lock|unlock)(_all)?$/.test(name)) return true
    parts.push({
      kind: 'lock',
      object: 'advisory',
      values: ((value['args'] ?? []) as Node[]).map((arg) => readValue(arg, scope, nest(scope, parts))),
      isOfSession: !name.includes('xact'),
      isUnlock: name.includes('unlock'),
    })
    return false
  })
}

function readInsert(tree: Tree, outer: Scope, parts: Part[]): void {
  const scope = readWith(tree.withClause, outer, parts)
  const table = scope.catalog.findByName(tree.relation?.schemaname, tree.relation?.relname ?? '')
  const given = (tree.cols ?? []).flatMap((node) => ('ResTarget' in node ? [node.ResTarget.name ?? ''] : []))
  const columns = given.length > 0 ? given : [...(table?.columns.values() ?? [])].map(({ name }) => name)
  const select = tree.selectStmt && 'SelectStmt' in tree.selectStmt ? tree.selectStmt.SelectStmt : undefined
  const before = parts.length
  const inside = (node: Node) => readAny(node, scope, parts, true)
  let rows: Assignment[][] = []
  if (select?.valuesLists)
    rows = select.valuesLists.map((list) =>
      ('List' in list ? (list.List.items ?? []) : []).map((node, place) => ({
        column: columns[place] ?? '',
        value: readValue(node, scope, inside),
      })),
    )
  else if (select) {
    const source = { ...scope, tables: new Map(scope.tables) }
    // Its own names, so that what it hands over can be told.
    for (const item of select.fromClause ?? []) if ('RangeVar' in item) bindTable(item.RangeVar, source)
    readSelect(select, scope, parts, true)
    const read = parts.map((_part, place) => place).slice(before)
    const targets = select.targetList ?? []
    rows = [
      targets.map((node, place) => {
        const value =
          'ResTarget' in node && node.ResTarget.val ? readValue(node.ResTarget.val, source, () => []) : undefined
        const isRead = value?.kind === 'read' && value.parts.length === 0
        return {
          column: columns[place] ?? '',
          value: isRead ? { ...value, parts: read } : (value ?? { kind: 'drawn' }),
        }
      }),
    ]
    if (select.fromClause === undefined && select.whereClause) {
      // `insert … select $1 where not exists (…)`: readSelect has read what is in the condition.
      readConditions([select.whereClause], scope, () => [])
    }
  }
  if (table === undefined) return
  const { onConflictClause: clause } = tree
  const target: Scope = {
    ...scope,
    tables: new Map([[tree.relation?.alias?.aliasname ?? tree.relation?.relname ?? '', table]]),
    target: table.name,
  }
  const conflict = clause && {
    columns: (clause.infer?.indexElems ?? []).flatMap((node) =>
      'IndexElem' in node ? [node.IndexElem.name ?? ''] : [],
    ),
    updates: clause.action === 'ONCONFLICT_UPDATE' ? readSet(clause.targetList, target, parts) : undefined,
  }
  const sources = parts.map((_part, place) => place).slice(before)
  parts.push({ kind: 'insert', table: table.name, rows, conflict, sources: [...sources, ...derivedParts(scope, tree)] })
}

/** Parts of WITH that the statement takes from, itself or through another one: what RETURNING alone asks decides nothing. */
function derivedParts(scope: Scope, { withClause, ...tree }: Tree): number[] {
  const { relation: _written, returningList: _given, ...used } = tree
  const queries = new Map(
    (withClause?.ctes ?? []).flatMap((node) =>
      'CommonTableExpr' in node ? [[node.CommonTableExpr.ctename ?? '', node.CommonTableExpr.ctequery] as const] : [],
    ),
  )
  const named = new Set<string>()
  const follow = (from: object) =>
    walk({ from }, (kind, value) => {
      const name = kind === 'RangeVar' ? String(value['relname']) : ''
      if (!queries.has(name) || named.has(name)) return true
      named.add(name)
      follow({ query: queries.get(name) })
      return true
    })
  follow(used)
  const own = [...scope.derived].filter(([name]) => named.has(name) || !queries.has(name))
  return [...new Set(own.flatMap(([, places]) => places))]
}

function readSet(targets: readonly Node[] | undefined, scope: Scope, parts: Part[]): Assignment[] {
  return (targets ?? []).flatMap((node) => {
    if (!('ResTarget' in node) || node.ResTarget.val === undefined) return []
    const { name = '', val } = node.ResTarget
    return [{ column: name, value: readValue(val, scope, nest(scope, parts), name) }]
  })
}

function readUpdate(tree: Tree, outer: Scope, parts: Part[]): void {
  const scope = readWith(tree.withClause, outer, parts)
  const { relation } = tree
  const table = scope.catalog.findByName(relation?.schemaname, relation?.relname ?? '')
  if (table === undefined) return
  const before = parts.length
  const own: Scope = { ...scope, tables: new Map(), target: table.name }
  const quals = (tree.fromClause ?? []).flatMap((item) => readFrom(item, own, parts))
  const others = [...new Set(own.tables.values())]
  own.tables.set(relation?.alias?.aliasname ?? relation?.relname ?? '', table)
  if (tree.whereClause) quals.push(tree.whereClause)
  const where = readConditions(quals, own, nest(own, parts))
  const set = readSet(tree.targetList, own, parts)
  // Rows of other tables that it joins are read without a lock.
  for (const other of others) pushJoined(parts, other.name, where.conditions)
  const sources = [...parts.map((_part, place) => place).slice(before), ...derivedParts(own, tree)]
  parts.push({ kind: 'update', table: table.name, set, ...ofTable(where, table.name), sources: [...new Set(sources)] })
}

function pushJoined(parts: Part[], table: string, conditions: ReturnType<typeof readConditions>['conditions']): void {
  parts.push({
    kind: 'read',
    tables: [table],
    conditions: conditions.filter((condition) => condition.table === table),
    others: [],
    outputs: [],
    isAggregate: false,
    hasLimit: false,
    lock: undefined,
    isNested: true,
  })
}

const ofTable = ({ conditions, others }: ReturnType<typeof readConditions>, table: string) => ({
  conditions: conditions.filter((condition) => condition.table === table),
  others: others.filter((column) => column.table === table),
})

function readDelete(tree: Tree, outer: Scope, parts: Part[]): void {
  const scope = readWith(tree.withClause, outer, parts)
  const { relation } = tree
  const table = scope.catalog.findByName(relation?.schemaname, relation?.relname ?? '')
  if (table === undefined) return
  const own: Scope = { ...scope, tables: new Map(), target: table.name }
  const quals = (tree.usingClause ?? []).flatMap((item) => readFrom(item, own, parts))
  own.tables.set(relation?.alias?.aliasname ?? relation?.relname ?? '', table)
  if (tree.whereClause) quals.push(tree.whereClause)
  const before = parts.length
  const where = readConditions(quals, own, nest(own, parts))
  const sources = parts.map((_part, place) => place).slice(before)
  parts.push({
    kind: 'delete',
    table: table.name,
    ...ofTable(where, table.name),
    sources: [...sources, ...derivedParts(own, tree)],
  })
}
