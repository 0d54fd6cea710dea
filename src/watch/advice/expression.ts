import { lastName, quoteLiteral, quoteName, walk, type Node } from './ast.js'
import type { Key, Need } from './needs.js'
import { resolveColumn, type FoundColumn, type Scope } from './scope.js'

/** One side of a comparison. */
export type Operand =
  | { kind: 'constant'; parameters: number[]; literal: string | undefined; cast: string | undefined }
  | { kind: 'key'; need: Need; key: Key }
  /** A column under a cast to another type: no index on the column serves it. */
  | { kind: 'cast'; need: Need; key: Key; column: string; columnType: string; to: string }
  /** Of several tables, or of something that cannot be followed. */
  | { kind: 'mixed' }

const families = [
  ['int2', 'int4', 'int8'],
  ['float4', 'float8'],
  ['text', 'varchar'],
  ['date', 'timestamp', 'timestamptz'],
]
/** A comparison is made in the type that stands further right. */
const numbers = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8']

/** An index on one serves a comparison with the other. */
export function isSameFamily(a: string, b: string): boolean {
  return a === b || families.some((family) => family.includes(a) && family.includes(b))
}

/** Comparing a column with a constant of that type casts the column. */
export function castsColumn(column: string, constant: string): boolean {
  if (isSameFamily(column, constant)) return false
  if (column === 'bpchar') return families[2]?.includes(constant) === true
  const places = [numbers.indexOf(column), numbers.indexOf(constant)]
  return places[0] !== -1 && (places[1] as number) > (places[0] as number)
}

export function readOperand(node: Node, scope: Scope): Operand {
  const columns = listColumns(node, scope)
  if (columns === 'unknown') return { kind: 'mixed' }
  if (columns.length === 0)
    return { kind: 'constant', parameters: listParameters(node), literal: writeLiteral(node), cast: readCast(node) }
  const need = (columns[0] as FoundColumn).need
  if (columns.some((each) => each.need !== need)) return { kind: 'mixed' }
  const bare = resolveColumn(node, scope)
  if (bare) return { kind: 'key', need, key: plainKey(bare) }
  return readCastColumn(node, scope) ?? readExpression(node, scope, need, columns)
}

function plainKey({ column }: FoundColumn): Key {
  return { text: quoteName(column.name), columns: [column], isExpression: false }
}

function readCastColumn(node: Node, scope: Scope): Operand | undefined {
  if (!('TypeCast' in node) || node.TypeCast.arg === undefined) return undefined
  const found = resolveColumn(node.TypeCast.arg, scope)
  if (!found) return undefined
  const { need, column } = found
  const to = lastName(node.TypeCast.typeName?.names)
  const key = plainKey(found)
  // varchar to text is no work at all, and the index serves it.
  if (column.type === to || (column.type === 'varchar' && to === 'text')) return { kind: 'key', need, key }
  return { kind: 'cast', need, key, column: key.text, columnType: column.type, to }
}

function readExpression(node: Node, scope: Scope, need: Need, columns: readonly FoundColumn[]): Operand {
  const text = writeExpression(node, scope)
  if (text === undefined) return { kind: 'mixed' }
  return { kind: 'key', need, key: { text, columns: columns.map(({ column }) => column), isExpression: true } }
}

function listColumns(node: Node, scope: Scope): FoundColumn[] | 'unknown' {
  const found: FoundColumn[] = []
  let isUnknown = false
  walk({ node }, (kind, value) => {
    if (kind === 'SubLink') isUnknown = true
    if (kind !== 'ColumnRef') return kind !== 'SubLink'
    const column = resolveColumn({ ColumnRef: value }, scope)
    if (column) found.push(column)
    else isUnknown = true
    return false
  })
  return isUnknown ? 'unknown' : found
}

export function listParameters(node: unknown): number[] {
  const found: number[] = []
  walk({ node }, (kind, value) => {
    if (kind === 'ParamRef') found.push(Number(value['number'] ?? 0))
    return true
  })
  return found
}

/** A constant that stands in the statement itself; undefined: a parameter, or computed. */
function writeLiteral(node: Node): string | undefined {
  if ('TypeCast' in node && node.TypeCast.arg !== undefined) return writeLiteral(node.TypeCast.arg)
  if (!('A_Const' in node)) return undefined
  const { ival, fval, sval, boolval, isnull } = node.A_Const
  if (isnull === true) return undefined
  if (ival) return String(ival.ival ?? 0)
  if (fval) return fval.fval
  if (boolval) return String(boolval.boolval ?? false)
  return sval && quoteLiteral(sval.sval ?? '')
}

function readCast(node: Node): string | undefined {
  return 'TypeCast' in node ? lastName(node.TypeCast.typeName?.names) : undefined
}

/** Literals belong to the shape of these: a field of JSON, a unit of time, a text search's language. */
const literalsOf = new Set(['->', '->>', '#>', '#>>', 'date_trunc', 'date_part', 'extract', 'to_tsvector', 'timezone'])
const operators = new Set(['->', '->>', '#>', '#>>', '||', '+', '-', '*', '/', '%'])

/** As an index would have it; undefined: it is written with what is not known here, or with somebody's value in it. */
export function writeExpression(node: Node, scope: Scope, takesLiteral = false): string | undefined {
  if ('ColumnRef' in node) {
    const found = resolveColumn(node, scope)
    return found && quoteName(found.column.name)
  }
  if ('A_Const' in node) return takesLiteral ? writeLiteral(node) : undefined
  if ('TypeCast' in node) return writeCast(node.TypeCast, scope, takesLiteral)
  if ('FuncCall' in node) return writeCall(node.FuncCall, scope)
  if (!('A_Expr' in node) || node.A_Expr.kind !== 'AEXPR_OP') return undefined
  const { name, lexpr, rexpr } = node.A_Expr
  const operator = lastName(name)
  if (!operators.has(operator) || !lexpr || !rexpr) return undefined
  const left = writeExpression(lexpr, scope)
  const right = writeExpression(rexpr, scope, literalsOf.has(operator))
  return left !== undefined && right !== undefined ? `(${left} ${operator} ${right})` : undefined
}

function writeCall(call: Extract<Node, { FuncCall: unknown }>['FuncCall'], scope: Scope): string | undefined {
  if (call.agg_star === true || call.over !== undefined || call.agg_distinct === true) return undefined
  const name = lastName(call.funcname)
  const args = (call.args ?? []).map((arg) => writeExpression(arg, scope, literalsOf.has(name)))
  if (args.length === 0 || args.includes(undefined)) return undefined
  if (call.funcformat === 'COERCE_SQL_SYNTAX') return name === 'extract' ? `extract(${args.join(' from ')})` : undefined
  const isBuiltIn = call.funcname?.length === 2
  return `${isBuiltIn ? 'pg_catalog.' : ''}${quoteName(name)}(${args.join(', ')})`
}

function writeCast(
  cast: Extract<Node, { TypeCast: unknown }>['TypeCast'],
  scope: Scope,
  takesLiteral: boolean,
): string | undefined {
  if (cast.arg === undefined || cast.typeName?.arrayBounds !== undefined || cast.typeName?.typmods !== undefined)
    return undefined
  const text = writeExpression(cast.arg, scope, takesLiteral)
  return text === undefined ? undefined : `(${text}::${lastName(cast.typeName?.names)})`
}
