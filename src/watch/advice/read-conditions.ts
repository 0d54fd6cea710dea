import { lastName, type Node } from './ast.js'
import { castsColumn, listParameters, readOperand, type Operand } from './expression.js'
import { emptyFilter, type Filter, type Key, type Need } from './needs.js'
import { readOutputs, type Scope } from './scope.js'
import { readPattern } from './read-pattern.js'
import { noteParameters, type Reader } from './reader.js'
import { explainCast, explainDay } from './rewrites.js'

/** Which filter of a table a condition belongs to: that of the statement, or an OR's arm. */
type FilterOf = (need: Need) => Filter
const whole: FilterOf = (need) => need.filter

export function readConditions(nodes: readonly Node[], scope: Scope, reader: Reader): void {
  for (const node of nodes) readCondition(node, scope, reader, whole)
}

function readCondition(node: Node, scope: Scope, reader: Reader, filterOf: FilterOf): void {
  if ('BoolExpr' in node) {
    const { boolop, args = [] } = node.BoolExpr
    if (boolop === 'AND_EXPR') for (const each of args) readCondition(each, scope, reader, filterOf)
    else if (boolop === 'OR_EXPR') readOr(args, scope, reader, filterOf)
    else if (args[0]) readNot(args[0], scope, reader, filterOf)
  } else if ('A_Expr' in node) readComparison(node.A_Expr, scope, reader, filterOf)
  else if ('NullTest' in node) readNullTest(node.NullTest, scope, filterOf)
  else if ('BooleanTest' in node) readBoolean(node, scope, filterOf)
  else if ('ColumnRef' in node) readFlag(node, scope, filterOf, '')
  else if ('SubLink' in node) readSubLink(node.SubLink, scope, reader)
}

/** Only what finds nothing by itself but narrows a partial index: `not archived`; an antijoin's inner side is looked up. */
function readNot(node: Node, scope: Scope, reader: Reader, filterOf: FilterOf): void {
  if ('ColumnRef' in node) readFlag(node, scope, filterOf, 'not ')
  else if ('SubLink' in node) readSubLink(node.SubLink, scope, reader)
}

function readFlag(node: Node, scope: Scope, filterOf: FilterOf, prefix: string): void {
  const operand = readOperand(node, scope)
  if (operand.kind === 'key')
    filterOf(operand.need).fixed.push({ text: `${prefix}${operand.key.text}`, key: operand.key, how: 'equal' })
}

function readBoolean(node: Extract<Node, { BooleanTest: unknown }>, scope: Scope, filterOf: FilterOf): void {
  const { arg, booltesttype: kind } = node.BooleanTest
  const words: Partial<Record<string, string>> = { IS_TRUE: 'is true', IS_FALSE: 'is false' }
  const word = words[kind ?? '']
  const operand = arg && readOperand(arg, scope)
  if (operand?.kind === 'key' && word !== undefined)
    filterOf(operand.need).fixed.push({ text: `${operand.key.text} ${word}`, how: 'other' })
}

function readNullTest(test: { arg?: Node; nulltesttype?: string }, scope: Scope, filterOf: FilterOf): void {
  const operand = test.arg && readOperand(test.arg, scope)
  if (operand?.kind !== 'key') return
  const isNull = test.nulltesttype === 'IS_NULL'
  const fixed = { text: `${operand.key.text} is ${isNull ? '' : 'not '}null`, how: 'other' } as const
  // Nulls lie together in an index too, so where it is the only condition the column itself serves.
  filterOf(operand.need).fixed.push(isNull ? { ...fixed, key: operand.key } : fixed)
}

type Expression = Extract<Node, { A_Expr: unknown }>['A_Expr']

function readComparison(expression: Expression, scope: Scope, reader: Reader, filterOf: FilterOf): void {
  const { kind, name, lexpr, rexpr } = expression
  if (!lexpr || !rexpr) return
  const operator = lastName(name)
  if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE' || operator === '^@')
    readPattern({ operator, lexpr, rexpr }, scope, reader, filterOf)
  else if (kind === 'AEXPR_OP_ANY') readAny(operator, lexpr, rexpr, scope, reader, filterOf)
  else if (kind === 'AEXPR_IN') readIn(operator, lexpr, rexpr, scope, reader, filterOf)
  else if (kind === 'AEXPR_BETWEEN') readBetween(lexpr, rexpr, scope, reader, filterOf)
  else if (kind === 'AEXPR_OP' || kind === 'AEXPR_NOT_DISTINCT')
    readOperator(operator, lexpr, rexpr, scope, reader, filterOf)
}

const flipped: Readonly<Record<string, string>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=', '<@': '@>' }

function readOperator(
  operator: string,
  lexpr: Node,
  rexpr: Node,
  scope: Scope,
  reader: Reader,
  filterOf: FilterOf,
): void {
  if ('RowExpr' in lexpr && 'RowExpr' in rexpr) {
    readRows(operator, lexpr.RowExpr.args ?? [], rexpr.RowExpr.args ?? [], scope, reader, filterOf)
    return
  }
  if ('SubLink' in rexpr) readSubLink(rexpr.SubLink, scope, reader)
  const [left, right] = [readOperand(lexpr, scope), readOperand('SubLink' in rexpr ? noValue : rexpr, scope)]
  if (left.kind === 'constant' && right.kind !== 'constant')
    readPair(flipped[operator] ?? operator, right, left, lexpr, reader, filterOf)
  else readPair(operator, left, right, rexpr, reader, filterOf)
}

const noValue: Node = { A_Const: { isnull: true } }

/** `(created_at, id) < ($1, $2)` is a range by the first; the order has the others. */
function readRows(
  operator: string,
  left: readonly Node[],
  right: readonly Node[],
  scope: Scope,
  reader: Reader,
  filterOf: FilterOf,
): void {
  const pairs = left.flatMap((each, place) => (right[place] ? [[each, right[place]] as const] : []))
  for (const [lexpr, rexpr] of operator === '=' ? pairs : pairs.slice(0, 1))
    readOperator(operator, lexpr, rexpr, scope, reader, filterOf)
}

/** The column is left, if one is. */
function readPair(
  operator: string,
  left: Operand,
  right: Operand,
  constant: Node,
  reader: Reader,
  filterOf: FilterOf,
): void {
  if (left.kind === 'cast' && right.kind === 'constant') {
    explainCast(operator, left, constant, reader.needs)
    return
  }
  if (left.kind === 'key' && right.kind === 'key') {
    if (operator === '=' && left.need !== right.need) noteJoin(left, right, filterOf)
    return
  }
  // A function's rows, or made of several tables: yet it is known by the time this one is looked up.
  const [known, unknown] = left.kind === 'key' ? [left, right] : [right, left]
  if (operator === '=' && known.kind === 'key' && unknown.kind === 'mixed')
    filterOf(known.need).joined.push({ key: known.key, peer: undefined })
  if (left.kind !== 'key' || right.kind !== 'constant') return
  const { key, need } = left
  const column = key.columns[0]
  if (!key.isExpression && column && right.cast !== undefined && castsColumn(column.type, right.cast)) {
    const cast = { column: key.text, columnType: column.type, to: right.cast }
    explainCast(operator, cast, constant, reader.needs)
    return
  }
  if (key.isExpression) explainDay(key, reader.needs)
  noteConstant(operator, need, key, right, reader, filterOf(need))
}

function noteJoin(left: Operand & { kind: 'key' }, right: Operand & { kind: 'key' }, filterOf: FilterOf): void {
  filterOf(left.need).joined.push({ key: left.key, peer: right.need })
  filterOf(right.need).joined.push({ key: right.key, peer: left.need })
}

const containing = new Set(['@>', '<@', '&&', '?', '?|', '?&', '@@', '@?'])

function noteConstant(
  operator: string,
  need: Need,
  key: Key,
  { parameters, literal }: Operand & { kind: 'constant' },
  { needs }: Reader,
  filter: Filter,
): void {
  const note = (how: 'equal' | 'above' | 'below') => noteParameters(parameters, need, key, how, needs)
  if (operator === '=') {
    if (literal === undefined) filter.equal.push(key)
    else filter.fixed.push({ text: `${key.text} = ${literal}`, key, how: 'equal' })
    note('equal')
  } else if (operator === '<>' && literal !== undefined) {
    filter.fixed.push({ text: `${key.text} <> ${literal}`, how: 'other' })
  } else if (['<', '<=', '>', '>='].includes(operator)) {
    filter.ranges.push(key)
    note(operator.startsWith('<') ? 'below' : 'above')
  } else if (containing.has(operator)) {
    const isDocument = key.columns[0]?.type === 'jsonb' && !key.text.includes('to_tsvector')
    const hasPaths = isDocument && (operator === '@>' || operator === '@@' || operator === '@?')
    filter.contains.push({ key, ...(hasPaths && { opclass: 'jsonb_path_ops' }) })
  }
}

function readAny(operator: string, lexpr: Node, rexpr: Node, scope: Scope, reader: Reader, filterOf: FilterOf): void {
  const [left, right] = [readOperand(lexpr, scope), readOperand(rexpr, scope)]
  if (operator !== '=') return
  if (left.kind === 'key' && right.kind === 'constant') {
    filterOf(left.need).among.push(left.key)
    noteParameters(right.parameters, left.need, left.key, 'among', reader.needs)
  } else if (left.kind === 'cast' && right.kind === 'constant') {
    explainCast('= any', left, rexpr, reader.needs)
  } else if (right.kind === 'key' && left.kind === 'constant' && right.key.columns[0]?.type.startsWith('_') === true) {
    const why = `${right.key.text} is an array: no index serves \`= any(${right.key.text})\`, a GIN index serves \`@>\`.`
    reader.needs.rewrites.set(why, `${right.key.text} @> array[…], with an index using gin (${right.key.text})`)
  }
}

function readIn(operator: string, lexpr: Node, rexpr: Node, scope: Scope, reader: Reader, filterOf: FilterOf): void {
  if (operator !== '=' || !('List' in rexpr)) return
  const left = readOperand(lexpr, scope)
  const items = (rexpr.List.items ?? []).map((item) => readOperand(item, scope))
  if (left.kind !== 'key' || !items.every((item) => item.kind === 'constant')) return
  const literals = items.map(({ literal }) => literal)
  const filter = filterOf(left.need)
  if (literals.includes(undefined)) filter.among.push(left.key)
  else filter.fixed.push({ text: `${left.key.text} in (${literals.join(', ')})`, key: left.key, how: 'among' })
  for (const { parameters } of items) noteParameters(parameters, left.need, left.key, 'equal', reader.needs)
}

function readBetween(lexpr: Node, rexpr: Node, scope: Scope, reader: Reader, filterOf: FilterOf): void {
  const [from, to] = 'List' in rexpr ? (rexpr.List.items ?? []) : []
  if (!from || !to) return
  const left = readOperand(lexpr, scope)
  if (left.kind === 'cast') explainCast('between', left, from, reader.needs)
  if (left.kind !== 'key') return
  const sides = [readOperand(from, scope), readOperand(to, scope)] as const
  if (sides.some(({ kind }) => kind !== 'constant')) return
  if (left.key.isExpression) explainDay(left.key, reader.needs)
  filterOf(left.need).ranges.push(left.key)
  noteParameters(listParameters(from), left.need, left.key, 'above', reader.needs)
  noteParameters(listParameters(to), left.need, left.key, 'below', reader.needs)
}

function readSubLink(link: { subLinkType?: string; testexpr?: Node; subselect?: Node }, scope: Scope, reader: Reader) {
  if (!link.subselect || !('SelectStmt' in link.subselect)) return
  const select = link.subselect.SelectStmt
  const derived = reader.readSelect(select, scope)
  if (link.subLinkType !== 'ANY_SUBLINK' || !link.testexpr) return
  const test = readOperand(link.testexpr, scope)
  const [output] = readOutputs(select.targetList, derived.inner, []).outputs.values()
  const given = output && readOperand(output, derived.inner)
  if (test.kind === 'key' && given?.kind === 'key' && test.need !== given.need) noteJoin(test, given, whole)
}

/** Each arm must find its rows by an index of its own, else the whole table is read all the same. */
function readOr(args: readonly Node[], scope: Scope, reader: Reader, filterOf: FilterOf): void {
  const arms = args.flatMap((arg) => {
    const filters = new Map<Need, Filter>()
    readCondition(arg, scope, reader, (need) => remember(filters, need))
    return filters.size === 0 && isOfParameters(arg) ? [] : [filters]
  })
  if (arms.length < args.length)
    reader.needs.notes.add(
      'A condition that a parameter switches off (`$1 is null or …`) uses an index only while it is planned with its values: a generic plan reads the table.',
    )
  const needs = new Set(arms.flatMap((filters) => [...filters.keys()]))
  const [need] = needs
  if (needs.size > 1) {
    reader.needs.refused.add(
      'An OR is over two tables: no index finds its rows. A UNION of its arms can use one for each.',
    )
    return
  }
  if (need === undefined) return
  const filters = arms.map((each) => each.get(need) ?? emptyFilter())
  if (filters.length === 1) addFilter(filterOf(need), filters[0] as Filter)
  else if (filters.some(isEmpty))
    reader.needs.refused.add('An arm of an OR has no condition that an index serves: the whole table is read for it.')
  else need.arms.push(...filters)
}

function remember(filters: Map<Need, Filter>, need: Need): Filter {
  const filter = filters.get(need) ?? emptyFilter()
  filters.set(need, filter)
  return filter
}

function isOfParameters(node: Node): boolean {
  return listParameters(node).length > 0 && !JSON.stringify(node).includes('"ColumnRef"')
}

function addFilter(to: Filter, from: Filter): void {
  for (const name of Object.keys(to) as (keyof Filter)[]) (to[name] as unknown[]).push(...from[name])
}

const isEmpty = (filter: Filter): boolean => Object.values(filter).every((list: unknown[]) => list.length === 0)
