import { lastName, namesOf, walk, type Node, type SelectStmt } from './ast.js'
import { readOperand, type Operand } from './expression.js'
import type { Key, Need, OrderKey } from './needs.js'
import type { Reader } from './reader.js'
import type { Scope } from './scope.js'

interface Sorted {
  node: Node
  isDescending: boolean
  nulls: 'first' | 'last' | undefined
}

/** ORDER BY, DISTINCT ON, a single min or max, a window's order, GROUP BY: of one table, an index can have them ready. */
export function readOrder(select: SelectStmt, scope: Scope, reader: Reader): void {
  const isLimited = select.limitCount !== undefined || select.distinctClause !== undefined
  const sorted = (select.sortClause ?? []).flatMap((each) => readSortBy(each, select))
  if (sorted.length > 0) noteOrder(sorted, isLimited, scope, reader)
  else if (select.groupClause === undefined) noteExtreme(select, scope)
  if (sorted.length === 0 || select.groupClause !== undefined) noteGroups(select, scope)
  noteWindow(select, scope, reader)
}

function readSortBy(each: Node, select: SelectStmt): Sorted[] {
  if (!('SortBy' in each) || each.SortBy.node === undefined) return []
  const { node, sortby_dir: direction, sortby_nulls: nulls } = each.SortBy
  const isDescending = direction === 'SORTBY_DESC'
  const asked = nulls === 'SORTBY_NULLS_FIRST' ? 'first' : nulls === 'SORTBY_NULLS_LAST' ? 'last' : undefined
  return [
    {
      node: followOutput(node, select),
      isDescending,
      nulls: asked === (isDescending ? 'first' : 'last') ? undefined : asked,
    },
  ]
}

/** `order by 2`, and `order by total` where it is the name of something selected. */
function followOutput(node: Node, { targetList = [] }: SelectStmt): Node {
  const valueOf = (target: Node | undefined) => (target && 'ResTarget' in target ? target.ResTarget.val : undefined)
  if ('A_Const' in node && node.A_Const.ival) return valueOf(targetList[(node.A_Const.ival.ival ?? 0) - 1]) ?? node
  if (!('ColumnRef' in node)) return node
  const names = namesOf(node.ColumnRef.fields)
  const named = targetList.find((target) => 'ResTarget' in target && target.ResTarget.name === names[0])
  return (names.length === 1 && valueOf(named)) || node
}

function noteOrder(sorted: readonly Sorted[], isLimited: boolean, scope: Scope, { needs }: Reader): void {
  const keys: OrderKey[] = []
  let need: Need | undefined
  for (const { node, isDescending, nulls } of sorted) {
    const operand = readOperand(node, scope)
    if (operand.kind !== 'key' || (need !== undefined && need !== operand.need)) {
      if (keys.length > 0) needs.notes.add('The order is over several tables: an index can have its first part ready.')
      break
    }
    need = operand.need
    keys.push({ ...operand.key, isDescending, ...(nulls && { nulls }) })
  }
  if (need === undefined) return
  need.order = keys
  need.isLimited = isLimited
}

/** `select max(created_at)` is the first row of an order. */
function noteExtreme({ targetList = [] }: SelectStmt, scope: Scope): void {
  const [target] = targetList
  if (targetList.length !== 1 || !target || !('ResTarget' in target)) return
  const { val } = target.ResTarget
  if (!val || !('FuncCall' in val) || val.FuncCall.over !== undefined) return
  const name = lastName(val.FuncCall.funcname)
  const [arg] = val.FuncCall.args ?? []
  if ((name !== 'max' && name !== 'min') || !arg) return
  const operand = readOperand(arg, scope)
  if (operand.kind !== 'key' || operand.need.order.length > 0) return
  operand.need.order = [{ ...operand.key, isDescending: name === 'max' }]
  operand.need.isLimited = true
}

function noteGroups({ groupClause = [], distinctClause = [], targetList = [] }: SelectStmt, scope: Scope): void {
  const isPlainDistinct = distinctClause.length === 1 && Object.keys(distinctClause[0] ?? {}).length === 0
  const values = targetList.map((target) => ('ResTarget' in target ? target.ResTarget.val : undefined))
  const nodes = isPlainDistinct ? values : groupClause
  const operands = nodes.map((node) => (node ? readOperand(node, scope) : undefined))
  const [need] = operands.map((operand) => (operand?.kind === 'key' ? operand.need : undefined))
  if (!need || need.groups.length > 0 || !operands.every((operand) => isKeyOf(operand, need))) return
  need.groups = operands.flatMap((operand): Key[] => (operand?.kind === 'key' ? [operand.key] : []))
}

const isKeyOf = (operand: Operand | undefined, need: Need): boolean => operand?.kind === 'key' && operand.need === need

function noteWindow({ targetList }: SelectStmt, scope: Scope, reader: Reader): void {
  walk({ targetList }, (kind, value) => {
    if (kind !== 'FuncCall') return kind !== 'SubLink'
    const over = value['over'] as { partitionClause?: Node[]; orderClause?: Node[] } | undefined
    if (!over) return true
    const parts = (over.partitionClause ?? []).map((node): Sorted => ({ node, isDescending: false, nulls: undefined }))
    const sorted = (over.orderClause ?? []).flatMap((each) => readSortBy(each, {}))
    const operand = parts.concat(sorted)[0]
    const first = operand && readOperand(operand.node, scope)
    if (first?.kind === 'key' && first.need.order.length === 0) noteOrder([...parts, ...sorted], false, scope, reader)
    return true
  })
}
