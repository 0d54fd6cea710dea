import { lastName, namesOf, type Node } from '../advice/ast.js'
import { columnsOf, readValue } from './read-value.js'
import { resolve, type Scope } from './shape-scope.js'
import type { ColumnName, Condition } from './shape.js'

export interface Where {
  conditions: Condition[]
  others: ColumnName[]
}

type Nest = (tree: Node) => readonly number[]

/** What must hold of each row: the parts of an AND, one by one. */
export function readConditions(quals: readonly Node[], scope: Scope, nest: Nest): Where {
  const where: Where = { conditions: [], others: [] }
  for (const qual of quals) readQual(qual, scope, nest, where)
  return where
}

function readQual(qual: Node, scope: Scope, nest: Nest, where: Where): void {
  if ('BoolExpr' in qual) {
    const { boolop, args = [] } = qual.BoolExpr
    if (boolop === 'AND_EXPR') {
      for (const each of args) readQual(each, scope, nest, where)
      return
    }
    const [only] = args
    if (boolop === 'NOT_EXPR' && only && 'ColumnRef' in only) return pushTruth(only, 'false', scope, where)
  }
  if ('ColumnRef' in qual) return pushTruth(qual, 'true', scope, where)
  if ('NullTest' in qual) {
    const { arg, nulltesttype } = qual.NullTest
    const column = arg && toColumn(arg, scope)
    if (column) {
      const op = nulltesttype === 'IS_NULL' ? '=' : '<>'
      where.conditions.push({ ...column, op, value: { kind: 'constant', text: null } })
      return
    }
  }
  if ('BooleanTest' in qual) {
    const { arg, booltesttype = '' } = qual.BooleanTest
    if (arg && 'ColumnRef' in arg)
      return pushTruth(arg, /^IS_(TRUE|NOT_FALSE)$/.test(booltesttype) ? 'true' : 'false', scope, where)
  }
  if ('A_Expr' in qual && readComparison(qual.A_Expr, scope, nest, where)) return
  // Arms of an OR, EXISTS, functions: which columns they are about is all that is told.
  readValue(qual, scope, nest)
  where.others.push(...columnsOf(qual, scope))
}

function pushTruth(node: Node, text: string, scope: Scope, where: Where): void {
  const column = toColumn(node, scope)
  if (column) where.conditions.push({ ...column, op: '=', value: { kind: 'constant', text } })
}

const mirrored: Readonly<Record<string, string>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=' }

function readComparison(
  { kind = '', name, lexpr, rexpr }: { kind?: string; name?: Node[]; lexpr?: Node; rexpr?: Node },
  scope: Scope,
  nest: Nest,
  where: Where,
): boolean {
  if (lexpr === undefined || rexpr === undefined) return false
  const operator = lastName(name)
  if (!/^AEXPR_(OP|OP_ANY|IN|DISTINCT|NOT_DISTINCT)$/.test(kind)) return false
  const [left, right] = [toColumn(lexpr, scope), toColumn(rexpr, scope)]
  if (left === undefined && right === undefined) return false
  const [column, other] = left === undefined ? [right as ColumnName, lexpr] : [left, rexpr]
  const op = kind === 'AEXPR_NOT_DISTINCT' ? '=' : left === undefined ? (mirrored[operator] ?? operator) : operator
  where.conditions.push({ ...column, op: toOp(op), value: readValue(other, scope, nest) })
  // `a.x = b.y` is a condition of both.
  if (left && right)
    where.conditions.push({ ...right, op: toOp(mirrored[op] ?? op), value: readValue(lexpr, scope, nest) })
  return true
}

function toOp(operator: string): Condition['op'] {
  if (operator === '=') return '='
  if (operator === '<>') return '<>'
  if (operator === '<' || operator === '<=') return '<'
  return operator === '>' || operator === '>=' ? '>' : 'other'
}

/** A column by itself, perhaps cast. `lower(c)` is not: a unique index over c does not cover it. */
function toColumn(node: Node, scope: Scope): ColumnName | undefined {
  if ('TypeCast' in node) return node.TypeCast.arg && toColumn(node.TypeCast.arg, scope)
  if (!('ColumnRef' in node)) return undefined
  const resolved = resolve(namesOf(node.ColumnRef.fields), scope)
  return resolved !== undefined && !('parts' in resolved) && !resolved.isOuter ? resolved.column : undefined
}
