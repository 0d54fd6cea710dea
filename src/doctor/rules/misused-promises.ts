import type TS from 'typescript-5'
import { skipOuter } from '../resolve-call.js'
import { isFunction } from '../source-index.js'
import type { Severity } from '../types.js'
import { areAsync, isAsync } from './promises.js'
import { findReach, tellReached, weighIfReached } from './reach.js'
import type { Rule, ScanContext } from './rule.js'

interface Misuse {
  severity: Severity
  sentence: string
  fix: string
}

const verdicts = /^(filter|some|every|find|findIndex|findLast|findLastIndex)$/
const comparers = /^(sort|toSorted)$/

/** A promise where its value is meant: always true, or left alone. */
export const findMisusedPromises: Rule = (context, report) => (node, inside) => {
  const misuse = findMisuse(context, node)
  if (misuse === undefined) return
  const reach = findReach(context, inside, node)
  const { severity, sentence, fix } = misuse
  report({
    rule: 'doctor/misused-promise',
    severity: weighIfReached(reach, severity),
    node,
    way: reach?.way,
    sentence: `${sentence}${tellReached(reach)}`,
    fix,
  })
}

function findMisuse(context: ScanContext, node: TS.Node): Misuse | undefined {
  const { ts } = context.project
  if (ts.isCallExpression(node)) return findCallback(context, node)
  if (ts.isNewExpression(node)) return findExecutor(context, node)
  if (ts.isIfStatement(node) || ts.isWhileStatement(node)) return findCondition(context, node.expression)
  return ts.isConditionalExpression(node) ? findCondition(context, node.condition) : undefined
}

function findCallback(context: ScanContext, call: TS.CallExpression): Misuse | undefined {
  const { project } = context
  const { ts } = project
  const callee = skipOuter(ts, call.expression)
  const [first] = call.arguments
  if (!ts.isPropertyAccessExpression(callee) || first === undefined) return undefined
  const name = callee.name.text
  const fn = skipOuter(ts, first)
  if (!isFunction(ts, fn) || !isAsync(project, fn) || !mayBeArray(context, callee.expression)) return undefined
  if (name === 'forEach')
    return {
      severity: 'watch',
      sentence:
        '`forEach` does not wait for its async callback: what follows runs before it has ended, and its failures are unhandled.',
      fix: '`for (const each of list) await …`, or `await Promise.all(list.map(…))` with a limit.',
    }
  const isVerdict = verdicts.test(name)
  if (!isVerdict && !comparers.test(name)) return undefined
  const why = isVerdict ? 'a promise is always true' : 'a promise is no number'
  return {
    severity: 'act',
    sentence: `The callback of \`${name}\` is async, and ${why}: what it decides is not looked at.`,
    fix: `Await the values first (\`await Promise.all(…)\`), then \`${name}\` them.`,
  }
}

/** Of an iterator or a stream an async callback may be right. */
function mayBeArray({ project }: ScanContext, receiver: TS.Expression): boolean {
  const { ts, checker } = project
  const type = checker.getTypeAtLocation(receiver)
  if (type.flags & ts.TypeFlags.Any) return !/stream|iter|readable|\$$/i.test(receiver.getText())
  return checker.isArrayLikeType(type) || /^(Set|Map|ReadonlySet|ReadonlyMap)$/.test(type.symbol?.name ?? '')
}

function findExecutor({ project }: ScanContext, node: TS.NewExpression): Misuse | undefined {
  const { ts } = project
  const [executor] = node.arguments ?? []
  if (node.expression.getText() !== 'Promise' || executor === undefined) return undefined
  if (!isFunction(ts, executor) || !isAsync(project, executor)) return undefined
  return {
    severity: 'watch',
    sentence:
      'The executor of `new Promise` is async: what it throws after an await is an unhandled rejection, and this promise waits for ever.',
    fix: 'Make the function async and return what was given to `resolve`, without `new Promise`.',
  }
}

/** `if (isAllowed(user))` where `isAllowed` is async. */
function findCondition(context: ScanContext, condition: TS.Expression): Misuse | undefined {
  const { project, resolver } = context
  const { ts } = project
  let at = condition
  while (ts.isParenthesizedExpression(at) || ts.isPrefixUnaryExpression(at))
    at = ts.isPrefixUnaryExpression(at) ? at.operand : at.expression
  if (ts.isBinaryExpression(at)) {
    const isJoined = /^(&&|\|\|)$/.test(at.operatorToken.getText())
    return isJoined ? (findCondition(context, at.left) ?? findCondition(context, at.right)) : undefined
  }
  if (!ts.isCallExpression(at) || !areAsync(project, resolver.resolveCall(at))) return undefined
  return {
    severity: 'act',
    sentence: `The condition is what \`${at.expression.getText()}()\` gives, and that is a promise: it is always true.`,
    fix: '`await` it.',
  }
}
