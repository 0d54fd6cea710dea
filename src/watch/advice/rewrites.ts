import { lastName, type Node } from './ast.js'
import type { Key, StatementNeeds } from './needs.js'

interface Cast {
  column: string
  columnType: string
  to: string
}

const shown: Readonly<Record<string, string>> = { int4: 'int', int8: 'bigint', bpchar: 'char' }
const show = (type: string): string => shown[type] ?? type

/** The cast is what keeps an index on the column from being used: another index is not the answer. */
export function explainCast(operator: string, cast: Cast, constant: Node, needs: StatementNeeds): void {
  const { column, columnType, to } = cast
  const value = writeBare(constant)
  const why = `${column} is ${show(columnType)} and compared as ${show(to)}: no index on ${column} serves that.`
  const isDay = to === 'date' && columnType.startsWith('timestamp') && operator === '='
  const rewritten = isDay
    ? `${column} >= ${value}::date and ${column} < ${value}::date + 1`
    : operator === '= any'
      ? `${column} = any(${value}::${show(columnType)}[])`
      : `${column} ${operator} ${operator === 'between' ? '… and …' : `${value}::${show(columnType)}`}`
  needs.rewrites.set(why, rewritten)
}

/** Of a time with time zone it depends on the session what day it is: such an expression cannot be indexed. */
export function explainDay(key: Key, needs: StatementNeeds): void {
  const [column] = key.columns
  if (column?.type !== 'timestamptz' || !/^(pg_catalog\.)?(date|date_trunc|date_part|extract)\(/.test(key.text)) return
  const why = `${key.text} depends on the session’s time zone: it cannot be indexed, and no index on ${column.name} serves it.`
  needs.rewrites.set(why, `${column.name} >= the beginning of the day and ${column.name} < that of the next`)
}

/** A parameter as it is; a literal is not repeated. */
function writeBare(node: Node): string {
  if ('ParamRef' in node) return `$${node.ParamRef.number}`
  if ('TypeCast' in node && node.TypeCast.arg !== undefined && lastName(node.TypeCast.typeName?.names) !== '')
    return writeBare(node.TypeCast.arg)
  return '…'
}
