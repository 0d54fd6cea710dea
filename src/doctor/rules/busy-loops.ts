import type TS from 'typescript-5'
import type { Project } from '../project.js'
import { walkOwn } from '../source-index.js'
import { findReach, tellGuard, tellGuess, tellRoutes, weighIfReached } from './reach.js'
import type { Rule } from './rule.js'

/** `while (Date.now() < until) {}`, `while (!done) {}`: nothing else of the process runs, also not what would end it. */
export const findBusyLoops: Rule = (context, report) => (node, inside) => {
  const { project, options } = context
  const why = isLoop(project.ts, node) ? tellBusy(project, node) : undefined
  if (why === undefined) return
  const reach = findReach(context, inside, node)
  if (reach === undefined && options.all !== true) return
  const where = reach === undefined ? 'no route is known to reach it' : `reached from ${tellRoutes(reach.way)}`
  const doubts = reach === undefined ? '' : `${tellGuard(reach.guard)}${tellGuess(reach.way)}`
  report({
    rule: 'doctor/busy-loop',
    severity: weighIfReached(reach, 'act'),
    node,
    way: reach?.way,
    sentence: `A loop ${why}, ${where}: nothing else of the process runs meanwhile.${doubts}`,
    fix: '`await setTimeout(ms)` of node:timers/promises; for an event, await a promise that it resolves.',
  })
}

type Loop = TS.WhileStatement | TS.DoStatement | TS.ForStatement

const isLoop = (ts: Project['ts'], node: TS.Node): node is Loop =>
  ts.isWhileStatement(node) || ts.isDoStatement(node) || ts.isForStatement(node)

function tellBusy({ ts }: Project, loop: Loop): string | undefined {
  const condition = ts.isForStatement(loop) ? loop.condition : loop.expression
  if (condition === undefined || !isIdle(ts, loop.statement, condition.getText())) return undefined
  if (ts.isForStatement(loop) && loop.incrementor !== undefined) return undefined
  if (isClock(ts, condition)) return 'waits for the clock'
  return isFlag(ts, condition) ? 'spins on a flag that only other code could change' : undefined
}

/** Nothing in it calls, waits, leaves, or changes what the condition looks at. */
function isIdle(ts: Project['ts'], body: TS.Node, condition: string): boolean {
  let isIdleBody = true
  const look = (node: TS.Node): void => {
    const isWork =
      (ts.isCallExpression(node) && !/^(Date\.now|performance\.now)$/.test(node.expression.getText())) ||
      ts.isAwaitExpression(node) ||
      ts.isYieldExpression(node) ||
      ts.isReturnStatement(node) ||
      ts.isBreakStatement(node) ||
      ts.isThrowStatement(node) ||
      (ts.isBinaryExpression(node) && /^([^=!<>]*|<<|>>>?)=$/.test(node.operatorToken.getText())) ||
      (isCounting(ts, node) && condition.includes(node.operand.getText()))
    if (isWork) isIdleBody = false
  }
  walkOwn(ts, body, look)
  return isIdleBody
}

const isCounting = (ts: Project['ts'], node: TS.Node): node is TS.PrefixUnaryExpression | TS.PostfixUnaryExpression =>
  ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)

function isClock(ts: Project['ts'], condition: TS.Expression): boolean {
  return (
    ts.isBinaryExpression(condition) &&
    /^(<|>|<=|>=)$/.test(condition.operatorToken.getText()) &&
    /Date\.now\(\)|performance\.now\(\)|new Date\(\)|hrtime/.test(condition.getText())
  )
}

/** `!done`, `flag.value === false`: no call, and no arithmetic that the loop itself could change. */
function isFlag(ts: Project['ts'], condition: TS.Expression): boolean {
  if (ts.isPrefixUnaryExpression(condition) && condition.operator === ts.SyntaxKind.ExclamationToken)
    return ts.isIdentifier(condition.operand) || ts.isPropertyAccessExpression(condition.operand)
  return (
    ts.isBinaryExpression(condition) &&
    (ts.isIdentifier(condition.left) || ts.isPropertyAccessExpression(condition.left)) &&
    /^[!=]==?$/.test(condition.operatorToken.getText()) &&
    /^(true|false|undefined|null)$/.test(condition.right.getText())
  )
}
