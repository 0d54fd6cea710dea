import type { ParsedStatement } from '../parser.js'
import type { Control, Isolation } from './shape.js'

interface ControlNode {
  kind?: string
  name?: string
  options?: Option[]
  args?: (Option & { A_Const?: { sval?: { sval?: string } } })[]
}

interface Option {
  DefElem?: { defname?: string; arg?: { A_Const?: { sval?: { sval?: string } } } }
}

/** Savepoints, and other settings than the isolation, change nothing here. */
export function readControl({ kind, node }: ParsedStatement): Control | undefined {
  const { kind: what = '', name = '', options = [], args = [] } = node as ControlNode
  if (kind === 'TransactionStmt') {
    if (/_(BEGIN|START)$/.test(what)) return { kind: 'begin', isolation: readIsolation(options) }
    if (/^TRANS_STMT_(COMMIT|ROLLBACK)$/.test(what)) return { kind: 'end', isUndone: what.endsWith('ROLLBACK') }
    return undefined
  }
  if (kind !== 'VariableSetStmt') return undefined
  if (name === 'TRANSACTION') return { kind: 'isolation', isolation: readIsolation(args) }
  if (name === 'SESSION CHARACTERISTICS') return { kind: 'default isolation', isolation: readIsolation(args) }
  const text = args[0]?.A_Const?.sval?.sval
  if (name === 'transaction_isolation') return { kind: 'isolation', isolation: toIsolation(text) }
  if (name === 'default_transaction_isolation') return { kind: 'default isolation', isolation: toIsolation(text) }
  return undefined
}

function readIsolation(options: readonly Option[]): Isolation | undefined {
  const option = options.find(({ DefElem }) => DefElem?.defname === 'transaction_isolation')
  return toIsolation(option?.DefElem?.arg?.A_Const?.sval?.sval)
}

function toIsolation(text: string | undefined): Isolation | undefined {
  const name = text?.toLowerCase()
  if (name === undefined) return undefined
  return name === 'serializable' || name === 'repeatable read' ? name : 'read committed'
}
