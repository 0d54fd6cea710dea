import { lastName, namesOf, walk, type Node } from '../advice/ast.js'
import { resolve, type Scope } from './shape-scope.js'
import type { ColumnName, Value } from './shape.js'

const drawing =
  /^(now|clock_timestamp|statement_timestamp|transaction_timestamp|gen_random_uuid|uuid_generate_v\d\w*|uuidv\d|random|nextval)$/

export const aggregates: ReadonlySet<string> = new Set(
  'count sum max min avg bool_or bool_and every array_agg json_agg jsonb_agg string_agg'.split(' '),
)

/** `nest` reads a subquery and gives the places of its parts; `target`: the column that is set to it. */
export function readValue(node: Node, scope: Scope, nest: (tree: Node) => readonly number[], target?: string): Value {
  const plain = readPlain(node)
  if (plain) return plain
  if ('SetToDefault' in node) return { kind: 'drawn' }
  if ('SubLink' in node) return ofParts(node.SubLink.subselect, nest)
  if ('MultiAssignRef' in node) {
    const { source } = node.MultiAssignRef
    return source && 'SubLink' in source ? ofParts(source.SubLink.subselect, nest) : { kind: 'drawn' }
  }
  if ('List' in node)
    return { kind: 'list', values: (node.List.items ?? []).map((item) => readValue(item, scope, nest)) }
  if ('A_ArrayExpr' in node)
    return { kind: 'list', values: (node.A_ArrayExpr.elements ?? []).map((item) => readValue(item, scope, nest)) }
  if ('RowExpr' in node)
    return { kind: 'list', values: (node.RowExpr.args ?? []).map((item) => readValue(item, scope, nest)) }
  return readExpression(node, scope, nest, target)
}

function readPlain(node: Node): Value | undefined {
  if ('ParamRef' in node) return { kind: 'parameter', number: node.ParamRef.number ?? 0 }
  if ('TypeCast' in node) return node.TypeCast.arg && readPlain(node.TypeCast.arg)
  if ('SQLValueFunction' in node) return { kind: 'drawn' }
  if (!('A_Const' in node)) return undefined
  const { isnull, ival, fval, boolval, sval } = node.A_Const as {
    isnull?: boolean
    ival?: { ival?: number }
    fval?: { fval?: string }
    boolval?: { boolval?: boolean }
    sval?: { sval?: string }
  }
  if (isnull) return { kind: 'constant', text: null }
  if (ival) return { kind: 'constant', text: String(ival.ival ?? 0) }
  if (fval) return { kind: 'constant', text: fval.fval ?? '' }
  if (boolval) return { kind: 'constant', text: String(boolval.boolval ?? false) }
  return { kind: 'constant', text: sval?.sval ?? '' }
}

function ofParts(tree: Node | undefined, nest: (tree: Node) => readonly number[]): Value {
  return { kind: 'read', parts: tree ? nest(tree) : [], columns: [] }
}

function readExpression(node: Node, scope: Scope, nest: (tree: Node) => readonly number[], target?: string): Value {
  const found: {
    columns: ColumnName[]
    parts: number[]
    values: Value[]
    relative: string[]
    isDrawn: boolean
    isRead: boolean
  } = {
    columns: [],
    parts: [],
    values: [],
    relative: [],
    isDrawn: false,
    isRead: false,
  }
  walk({ node }, (kind, value) => {
    if (kind === 'SubLink') {
      const { subselect } = value as { subselect?: Node }
      if (subselect) found.parts.push(...nest(subselect))
      return false
    }
    if (kind === 'FuncCall' && aggregates.has(lastName(value['funcname'] as Node[]))) found.isRead = true
    if (kind === 'FuncCall' && drawing.test(lastName(value['funcname'] as Node[]))) found.isDrawn = true
    if (kind === 'SQLValueFunction') found.isDrawn = true
    const plain = readPlain({ [kind]: value } as unknown as Node)
    if (plain && kind !== 'TypeCast') {
      if (plain.kind === 'drawn') found.isDrawn = true
      else found.values.push(plain)
      return false
    }
    if (kind !== 'ColumnRef') return true
    const fields = namesOf(value['fields'] as Node[])
    // `excluded.n` is what the program gave.
    if (fields.at(-2) === 'excluded') return false
    const resolved = resolve(fields, scope)
    if (resolved === undefined) return false
    if ('parts' in resolved) found.parts.push(...resolved.parts)
    else if (scope.target === resolved.column.table && target !== undefined) found.relative.push(resolved.column.column)
    else found.columns.push(resolved.column)
    return false
  })
  if (found.parts.length > 0 || found.columns.length > 0 || found.isRead)
    return { kind: 'read', parts: [...new Set(found.parts)], columns: found.columns }
  if (found.relative.length > 0) return readRelative(node, found.values, found.relative)
  if (found.isDrawn && found.values.length === 0) return { kind: 'drawn' }
  return { kind: 'expression', values: found.values }
}

function readRelative(node: Node, values: readonly Value[], columns: readonly string[]): Value {
  const inner = 'TypeCast' in node ? (node.TypeCast.arg as Node) : node
  const operator = 'A_Expr' in inner ? lastName(inner.A_Expr.name) : ''
  const [by] = values
  if (operator === '+' || operator === '-') {
    const isNegative = by?.kind === 'constant' && by.text?.startsWith('-') === true
    return { kind: 'relative', op: isNegative !== (operator === '-') ? '-' : '+', by, columns }
  }
  // `greatest(c - $1, 0)` takes away as well.
  let takes = false
  walk({ inner }, (kind, value) => {
    if (kind === 'A_Expr' && lastName(value['name'] as Node[]) === '-') takes = true
    return true
  })
  return { kind: 'relative', op: takes ? '-' : 'other', by, columns }
}

/** Columns that an expression names. */
export function columnsOf(node: Node, scope: Scope): ColumnName[] {
  const columns: ColumnName[] = []
  walk({ node }, (kind, value) => {
    if (kind === 'SubLink') return false
    if (kind !== 'ColumnRef') return true
    const resolved = resolve(namesOf(value['fields'] as Node[]), scope)
    if (resolved !== undefined && !('parts' in resolved)) columns.push(resolved.column)
    return false
  })
  return columns
}
