import type TS from 'typescript-5'
import type { Project } from '../project.js'
import { walkOwn } from '../source-index.js'
import { findReach, tellReached } from './reach.js'
import type { Rule, ScanContext } from './rule.js'
import { isTransactionCall } from './transaction-scopes.js'

const pauses = /(^|\.)(delay|sleep|wait|pause|setTimeout|setImmediate|nextTick|read|next)$/i

/** One await after the other over a list: as many round trips as it has entries. A hint: only running it tells how many. */
export const findAwaitsInLoops: Rule = (context, report) => (node, inside) => {
  const { project } = context
  const { ts } = project
  if (!ts.isForOfStatement(node) || node.awaitModifier !== undefined || inside === undefined) return
  const call = findSlow(context, node, inside.node)
  if (call === undefined || isInTransaction(project, node)) return
  const reach = findReach(context, inside, node)
  if (reach === undefined) return
  report({
    rule: 'doctor/await-in-loop',
    severity: 'info',
    node: call,
    way: reach.way,
    sentence: `\`${call.expression.getText().replaceAll(/\s+/g, ' ').slice(0, 60)}\` is awaited once for each entry of \`${node.expression.getText().slice(0, 40)}\`.${tellReached(reach)}`,
    fix: 'One statement for all of them (`where id = any($1)`), or `await Promise.all(…)` with a limit. `holdfast/watch` counts how often it runs in a request.',
  })
}

function findSlow(
  { project, index, resolver }: ScanContext,
  loop: TS.ForOfStatement,
  around: TS.Node,
): TS.CallExpression | undefined {
  const { ts } = project
  let found: TS.CallExpression | undefined
  walkOwn(ts, loop.statement, (node) => {
    if (!ts.isAwaitExpression(node) || !ts.isCallExpression(node.expression)) return
    const call = node.expression
    const name = call.expression.getText()
    if (pauses.test(name) || name.startsWith('Promise.')) return
    // A tree is walked one branch after the other.
    if (resolver.resolveCall(call).targets.includes(index.functions.get(around) as never)) return
    found ??= call
  })
  return found
}

/** One connection answers one statement after the other, whatever is awaited how. */
function isInTransaction({ ts }: Project, node: TS.Node): boolean {
  for (let at = node.parent as TS.Node | undefined; at !== undefined; at = at.parent)
    if (ts.isCallExpression(at) && isTransactionCall(ts, at)) return true
  return false
}
