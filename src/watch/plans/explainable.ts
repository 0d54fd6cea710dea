import type { ParsedStatement, Parser } from '../parser.js'

/** What a text is to whoever wants its plan. `read`: it can be explained, and takes no lock but AccessShare. */
export type TextKind =
  | { kind: 'read' }
  /** Explained as a plain read of the same rows: it would lock the table it writes to. */
  | { kind: 'write' }
  | { kind: 'settings'; parts: SettingPart[] }
  | { kind: 'other' }

/** Of a text that changes the session: the plan depends on it. */
export interface SettingPart {
  what: 'begin' | 'end' | 'set' | 'set-local' | 'forget'
  text: string
}

type Node = Record<string, unknown>

/** Our own looking is not looked at. */
const OWN = '/* holdfast:watch.'

export function classify(parser: Parser, text: string): TextKind {
  if (text.startsWith(OWN)) return { kind: 'other' }
  const statements = parser.parse(text)
  const [first] = statements ?? []
  if (statements === undefined || first === undefined) return { kind: 'other' }
  const parts = statements.flatMap(toSetting)
  if (parts.length > 0) return { kind: 'settings', parts }
  if (statements.length > 1) return { kind: 'other' }
  if (first.kind === 'SelectStmt') return { kind: readsOnly(first.node) ? 'read' : 'other' }
  if (first.kind === 'UpdateStmt' || first.kind === 'DeleteStmt') return { kind: 'write' }
  return { kind: 'other' }
}

function toSetting({ kind, node, text }: ParsedStatement): SettingPart[] {
  if (kind === 'TransactionStmt') return toBoundary(String(node['kind']), text)
  if (kind === 'DiscardStmt') return [{ what: 'forget', text }]
  if (kind === 'VariableSetStmt') return [{ what: node['is_local'] === true ? 'set-local' : 'set', text }]
  if (kind === 'SelectStmt') return toSetConfig(node, text)
  return []
}

function toBoundary(kind: string, text: string): SettingPart[] {
  if (kind === 'TRANS_STMT_BEGIN' || kind === 'TRANS_STMT_START') return [{ what: 'begin', text }]
  const ends = ['TRANS_STMT_COMMIT', 'TRANS_STMT_ROLLBACK', 'TRANS_STMT_PREPARE']
  return ends.includes(kind) ? [{ what: 'end', text }] : []
}

/** `select set_config('app.tenant', $1, true)`, which is how settings take parameters. */
function toSetConfig({ targetList, fromClause }: Node, text: string): SettingPart[] {
  if (fromClause !== undefined || !text.includes('set_config')) return []
  const calls = list(targetList).map((target) => dig(target, 'ResTarget', 'val', 'FuncCall'))
  const isSetting = calls.some((call) => JSON.stringify(call?.['funcname'] ?? '').includes('"set_config"'))
  if (!isSetting) return []
  const isLocal = calls.some((call) => JSON.stringify(list(call?.['args'])[2] ?? '').includes('"boolval":true'))
  return [{ what: isLocal ? 'set-local' : 'set', text }]
}

/** No lock on rows, no table made, nothing written by a CTE. */
function readsOnly(node: Node): boolean {
  const text = JSON.stringify(node)
  return !/"(?:intoClause|InsertStmt|UpdateStmt|DeleteStmt|MergeStmt)"/.test(text)
}

const list = (value: unknown): Node[] => (Array.isArray(value) ? (value as Node[]) : [])

function dig(node: Node, ...path: readonly string[]): Node | undefined {
  let found: unknown = node
  for (const name of path) found = (found as Node | undefined)?.[name]
  return found as Node | undefined
}

/**
 * The text whose plan shows how the rows are found, without the locks of the statement itself: `for update` is left out, and
 * an UPDATE or DELETE of one table becomes a read of the rows that it would change. Undefined: it cannot be had.
 */
export function toReading(parser: Parser, text: string): string | undefined {
  const [only, ...others] = parser.parse(text) ?? []
  if (only === undefined || others.length > 0) return undefined
  if (only.kind === 'SelectStmt') {
    const { lockingClause, ...rest } = only.node
    // In a subquery or a CTE it cannot be left out.
    if (JSON.stringify(rest).includes('"lockingClause"')) return undefined
    return lockingClause === undefined ? text : withoutLocks(parser, text)
  }
  return readInstead(parser, text, only)
}

function withoutLocks(parser: Parser, text: string): string | undefined {
  const words = topWords(parser, text)
  const at = words.findLastIndex(
    ({ text: word }, n) => word === 'for' && ['update', 'no', 'share', 'key'].includes(words[n + 1]?.text ?? ''),
  )
  const first = words.findIndex(
    ({ text: word }, n) => word === 'for' && ['update', 'no', 'share', 'key'].includes(words[n + 1]?.text ?? ''),
  )
  // More than one, or one in a subquery, is left alone.
  if (at < 0 || at !== first) return undefined
  const bytes = Buffer.from(text)
  const rest = words.slice(at).find(({ text: word }) => word === 'limit' || word === 'offset')
  if (rest !== undefined) return undefined
  return bytes.subarray(0, (words[at] as Word).start).toString()
}

interface Word {
  start: number
  end: number
  text: string
}

/** Words outside of any brackets, in small letters. */
function topWords(parser: Parser, text: string): Word[] {
  let depth = 0
  const words: Word[] = []
  for (const { start, end, text: word } of parser.scan(text)) {
    if (word === '(' || word === '[') depth++
    else if (word === ')' || word === ']') depth--
    else if (depth === 0) words.push({ start, end, text: word.toLowerCase() })
  }
  return words
}

function readInstead(parser: Parser, text: string, { kind, node }: ParsedStatement): string | undefined {
  if (node['withClause'] !== undefined || node['fromClause'] !== undefined || node['usingClause'] !== undefined)
    return undefined
  const words = topWords(parser, text)
  const bytes = Buffer.from(text)
  const between = (from: number, until: number | undefined) => bytes.subarray(from, until).toString()
  const opening = words.find(({ text: word }) => word === (kind === 'UpdateStmt' ? 'update' : 'from'))
  const middle = words.find(({ text: word }) => word === (kind === 'UpdateStmt' ? 'set' : 'where'))
  const where = words.find(({ text: word }) => word === 'where')
  if (opening === undefined || middle === undefined || where === undefined) return undefined
  const end = words.find(({ text: word, start }) => word === 'returning' && start > where.start)
  const condition = between(where.end, end?.start).replace(/;\s*$/, '')
  const unused = listParameters(text).filter((number) => !listParameters(condition).includes(number))
  const columns = unused.map((number) => `$${number}::text`).join(', ')
  return `select ${columns || 1} from ${between(opening.end, middle.start)} where ${condition}`
}

const listParameters = (text: string): number[] => [
  ...new Set([...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number))),
]
