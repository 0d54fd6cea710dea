import type TS from 'typescript-5'
import { findOuter, isFunction } from '../source-index.js'
import { isCaught, isPromise, isWaitedFor, neverRejects } from './promises.js'
import { findReach, tellReached, weighIfReached } from './reach.js'
import type { Rule, ScanContext } from './rule.js'
import { skipOuter } from '../resolve-call.js'

/** A statement that makes a promise and leaves it: nobody waits for it, and nobody hears of its failure. */
export const findFloatingPromises: Rule = (context, report) => (node, inside) => {
  const { ts } = context.project
  if (!ts.isExpressionStatement(node)) return
  const call = findLeft(context, node.expression)
  if (call === undefined) return
  const reach = findReach(context, inside, node)
  report({
    rule: 'doctor/floating-promise',
    severity: weighIfReached(reach, 'watch'),
    node,
    way: reach?.way,
    sentence: `Nobody waits for what \`${showCall(findMaker(ts, call))}\` gives: a failure of it is an unhandled rejection, which ends the process, and it outlives its request.${tellReached(reach)}`,
    fix: '`await` it; what has to outlive the request is a job (`jobs.send(tx, …)`), or gets a `.catch(…)`.',
  })
}

/** The call whose promise is left alone. */
function findLeft(context: ScanContext, expression: TS.Expression): TS.CallExpression | undefined {
  const { project, resolver } = context
  const { ts } = project
  if (ts.isParenthesizedExpression(expression)) return findLeft(context, expression.expression)
  if (ts.isBinaryExpression(expression)) {
    const { kind } = expression.operatorToken
    const { AmpersandAmpersandToken, BarBarToken, QuestionQuestionToken } = ts.SyntaxKind
    const isChoice = kind === AmpersandAmpersandToken || kind === BarBarToken || kind === QuestionQuestionToken
    return isChoice ? findLeft(context, expression.right) : undefined
  }
  if (ts.isConditionalExpression(expression))
    return findLeft(context, expression.whenTrue) ?? findLeft(context, expression.whenFalse)
  if (!ts.isCallExpression(expression) || isCaught(ts, expression) || isWaitedFor(ts, expression)) return undefined
  if (isHandedOn(ts, expression) || takesCallback(ts, expression) || !isPromise(project, expression)) return undefined
  const { targets } = resolver.resolveCall(findMaker(ts, expression))
  return targets.length > 0 && targets.every(({ node }) => neverRejects(project, node)) ? undefined : expression
}

/** `hash(password, (error, hash) => …)`: it tells the callback, and the promise is the other way to ask. */
function takesCallback(ts: ScanContext['project']['ts'], { arguments: values }: TS.CallExpression): boolean {
  const last = values.at(-1)
  if (last === undefined || !isFunction(ts, last)) return false
  return /^(_?e|_?err|_?error)$/.test(last.parameters[0]?.name.getText() ?? '')
}

/** `new Promise((resolve) => { work().then(resolve) })`: the outer promise tells how it ended. */
function isHandedOn(ts: ScanContext['project']['ts'], call: TS.CallExpression): boolean {
  const callee = skipOuter(ts, call.expression)
  if (!ts.isPropertyAccessExpression(callee) || callee.name.text !== 'then') return false
  const executor = findOuter(ts, call)
  return (
    executor !== undefined && ts.isNewExpression(executor.parent) && executor.parent.expression.getText() === 'Promise'
  )
}

/** Of `work().finally(done)`: `work()`. */
function findMaker(ts: ScanContext['project']['ts'], call: TS.CallExpression): TS.CallExpression {
  const callee = skipOuter(ts, call.expression)
  if (!ts.isPropertyAccessExpression(callee) || !/^(then|finally)$/.test(callee.name.text)) return call
  const receiver = skipOuter(ts, callee.expression)
  return ts.isCallExpression(receiver) ? findMaker(ts, receiver) : call
}

function showCall({ expression }: TS.CallExpression): string {
  const text = expression.getText().replaceAll(/\s+/g, ' ')
  return text.length > 50 || text.includes('=>') ? `${text.slice(0, 30).trim()}…` : `${text}()`
}
