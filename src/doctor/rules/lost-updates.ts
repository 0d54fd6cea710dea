import type TS from 'typescript-5'
import type { Project } from '../project.js'
import { findOuter, walkOwn } from '../source-index.js'
import { findReach, tellReached, weighIfReached } from './reach.js'
import type { Rule } from './rule.js'

/** `total += await price()`: `total` is read first, so what others add while it waits is overwritten. */
export const findLostUpdates: Rule = (context, report) => (node, inside) => {
  const { project } = context
  const { ts } = project
  if (!ts.isBinaryExpression(node) || inside === undefined) return
  if (!readsBeforeAwait(ts, node) || !isShared(project, node.left)) return
  const reach = findReach(context, inside, node)
  const target = node.left.getText()
  report({
    rule: 'doctor/lost-update',
    severity: weighIfReached(reach, 'watch'),
    node,
    way: reach?.way,
    sentence: `\`${target}\` is read before the await and written after it: what another call adds meanwhile is lost.${tellReached(reach)}`,
    fix: `Await first, into a constant, then \`${target} += value\`; a number that must be right belongs in the database.`,
  })
}

function readsBeforeAwait(ts: Project['ts'], { left, operatorToken, right }: TS.BinaryExpression): boolean {
  const operator = operatorToken.getText()
  if (/^(\+|-|\*|\/|%|\*\*|&|\||\^)=$/.test(operator)) return holdsAwait(ts, right)
  if (operator !== '=' || !ts.isBinaryExpression(right)) return false
  let first: TS.Expression = right
  while (ts.isBinaryExpression(first)) first = first.left
  return first.getText() === left.getText() && holdsAwait(ts, right)
}

function holdsAwait(ts: Project['ts'], node: TS.Expression): boolean {
  let isFound = ts.isAwaitExpression(node)
  walkOwn(ts, node, (each) => {
    if (ts.isAwaitExpression(each)) isFound = true
  })
  return isFound
}

/** Others can reach it meanwhile: of the module, of `this`, or of a function around this one. */
function isShared({ ts, checker }: Project, target: TS.Expression): boolean {
  let root = target
  while (ts.isPropertyAccessExpression(root) || ts.isElementAccessExpression(root)) root = root.expression
  if (root.kind === ts.SyntaxKind.ThisKeyword) return root !== target
  if (!ts.isIdentifier(root)) return false
  const declaration = checker.getSymbolAtLocation(root)?.declarations?.[0]
  if (declaration === undefined || ts.isParameter(declaration)) return false
  const owner = findOuter(ts, declaration)
  return owner === undefined || owner !== findOuter(ts, target)
}
