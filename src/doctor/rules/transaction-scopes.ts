import type TS from 'typescript-5'
import type { Project } from '../project.js'
import { skipOuter, type CallResolver } from '../resolve-call.js'
import { isFunction, walkOwn, type CallNode, type SourceFunction, type SourceIndex } from '../source-index.js'

/** Code that runs while a transaction is open. */
export interface TransactionScope {
  /** The call that opens it. */
  site: CallNode
  fn: SourceFunction
  /** Calls of `fn` that are inside. */
  calls: readonly CallNode[]
  /** What it was begun on, such as `db` or `this.prisma`; undefined: not named. */
  outer: TS.Expression | undefined
  /** The name of the transaction, in the callback. */
  handle: string | undefined
}

const openers =
  /^(tx|transaction|\$transaction|withTransaction|inTransaction|runInTransaction|runTransaction|executeTransaction|transact|transactional)$/
const database = /(^|\.)(sql|db|pg|database|client|conn|connection|postgres)$/i

/** `db.tx(…)`, `db.transaction(…)`, `sql.begin(…)`, `db.transaction().execute(…)`, with a callback. */
export function isTransactionCall(ts: Project['ts'], call: TS.CallExpression): boolean {
  const callee = skipOuter(ts, call.expression)
  if (!call.arguments.some((each) => isFunction(ts, each) || ts.isIdentifier(each))) return false
  if (ts.isIdentifier(callee))
    return /^(withTransaction|inTransaction|runInTransaction|runTransaction)$/.test(callee.text)
  if (!ts.isPropertyAccessExpression(callee)) return false
  const name = callee.name.text
  if (openers.test(name)) return true
  if (name === 'begin') return database.test(callee.expression.getText())
  return name === 'execute' && /\.(transaction|startTransaction)\(/.test(callee.expression.getText())
}

export function findCallbackScope(
  { ts }: Project,
  index: SourceIndex,
  resolver: CallResolver,
  call: TS.CallExpression,
): TransactionScope | undefined {
  if (!isTransactionCall(ts, call)) return undefined
  const callback = call.arguments.findLast((each) => isFunction(ts, each) || ts.isIdentifier(each))
  const fn =
    callback === undefined
      ? undefined
      : isFunction(ts, callback)
        ? index.functions.get(callback)
        : resolver.resolveValue(callback)[0]
  if (fn === undefined) return undefined
  const [parameter] = fn.node.parameters
  const handle = parameter === undefined ? undefined : parameter.name.getText()
  return { site: call, fn, calls: fn.calls, outer: findBeginner(ts, call), handle }
}

/** Of `db.transaction().setIsolationLevel('serializable').execute(…)`: `db`. */
function findBeginner(ts: Project['ts'], call: TS.CallExpression): TS.Expression | undefined {
  let at = skipOuter(ts, call.expression)
  if (!ts.isPropertyAccessExpression(at)) return undefined
  at = skipOuter(ts, at.expression)
  while (ts.isCallExpression(at) && ts.isPropertyAccessExpression(at.expression))
    at = skipOuter(ts, at.expression.expression)
  return at
}

const beginning = /^['"`]\s*(begin|start\s+transaction)\b/i
const ending = /^['"`]\s*(commit|end)\b/i

/** `await client.query('BEGIN')` … `await client.query('COMMIT')` in one function. */
export function findStatementScope(project: Project, fn: SourceFunction): TransactionScope | undefined {
  const { ts } = project
  const isQuery = (call: CallNode, text: RegExp): boolean =>
    ts.isPropertyAccessExpression(call.expression) &&
    call.expression.name.text === 'query' &&
    text.test(call.arguments?.[0]?.getText() ?? '')
  const begin = fn.calls.find((call) => isQuery(call, beginning))
  const end = fn.calls.findLast((call) => isQuery(call, ending))
  if (begin === undefined || end === undefined) return undefined
  const calls = fn.calls.filter((call) => call.pos > begin.end && call.end < end.pos)
  const client = (begin.expression as TS.PropertyAccessExpression).expression
  return { site: begin, fn, calls, outer: findPool(project, fn, client), handle: client.getText() }
}

/** Of `const client = await pool.connect()`: `pool`. */
function findPool({ ts }: Project, fn: SourceFunction, client: TS.Expression): TS.Expression | undefined {
  let found: TS.Expression | undefined
  walkOwn(ts, fn.node, (node) => {
    if (!ts.isVariableDeclaration(node) || node.name.getText() !== client.getText() || node.initializer === undefined)
      return
    const made = skipOuter(ts, node.initializer)
    if (
      ts.isCallExpression(made) &&
      ts.isPropertyAccessExpression(made.expression) &&
      made.expression.name.text === 'connect'
    )
      found = made.expression.expression
  })
  return found
}
