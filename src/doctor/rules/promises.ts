import type TS from 'typescript-5'
import type { Project } from '../project.js'
import type { Callee } from '../resolve-call.js'
import { isFunction, walkOwn, type FunctionNode } from '../source-index.js'

/** Is the value of an expression a promise, as far as its type is known? */
export function isPromise({ ts, checker }: Project, expression: TS.Expression): boolean {
  const type = checker.getTypeAtLocation(expression)
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.Never)) return false
  const parts = type.isUnion() ? type.types : [type]
  return parts.some((each) => each.symbol?.name === 'Promise' || each.symbol?.name === 'PromiseLike')
}

export function isAsync({ ts }: Project, fn: FunctionNode): boolean {
  return (ts.getCombinedModifierFlags(fn) & ts.ModifierFlags.Async) !== 0 && !isGenerator(fn)
}

const isGenerator = (fn: FunctionNode): boolean => 'asteriskToken' in fn && fn.asteriskToken !== undefined

/** Whether each function that a call may call is async. */
export const areAsync = (project: Project, { targets, isGuess }: Callee): boolean =>
  !isGuess && targets.length > 0 && targets.every(({ node }) => isAsync(project, node))

/** Its whole body is a try whose catch does not throw: the promise never fails. */
export function neverRejects({ ts }: Project, { body }: FunctionNode): boolean {
  if (!ts.isBlock(body)) return isCaught(ts, body)
  const work = body.statements.filter((each) => !ts.isReturnStatement(each) && !isQuiet(ts, each))
  return work.every(
    (each) => ts.isTryStatement(each) && each.catchClause !== undefined && !throws(ts, each.catchClause),
  )
}

/** What cannot throw for what matters here: a constant, a check, a line of a log. */
function isQuiet(ts: Project['ts'], statement: TS.Statement): boolean {
  let isQuietStatement = true
  const look = (node: TS.Node): void => {
    if (ts.isAwaitExpression(node) || ts.isThrowStatement(node)) isQuietStatement = false
  }
  walkOwn(ts, statement, look)
  return isQuietStatement && !ts.isThrowStatement(statement)
}

function throws(ts: Project['ts'], clause: TS.CatchClause): boolean {
  let isThrowing = false
  walkOwn(ts, clause, (node) => {
    if (ts.isThrowStatement(node) || ts.isAwaitExpression(node)) isThrowing = true
  })
  return isThrowing
}

/** `promise.catch(handle)`, also with more behind it. */
export function isCaught(ts: Project['ts'], expression: TS.Node): boolean {
  let at = expression
  while (ts.isCallExpression(at) && ts.isPropertyAccessExpression(at.expression)) {
    const { name, expression: receiver } = at.expression
    if (name.text === 'catch' && at.arguments.length > 0) return true
    if (name.text === 'then' && at.arguments.length > 1) return true
    at = receiver
  }
  return false
}

/** Does its function wait for what a call gives: awaited, given back, or part of what is? */
export function isWaitedFor(ts: Project['ts'], node: TS.Node): boolean {
  let at = node
  for (;;) {
    const { parent } = at
    if (ts.isAwaitExpression(parent) || ts.isReturnStatement(parent)) return true
    if (ts.isArrowFunction(parent) && parent.body === at) return true
    if (
      isFunction(ts, parent) ||
      ts.isStatement(parent) ||
      ts.isVariableDeclaration(parent) ||
      ts.isVoidExpression(parent)
    )
      return false
    at = parent
  }
}
