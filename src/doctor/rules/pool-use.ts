import type TS from 'typescript-5'
import type { Edge } from '../call-graph.js'
import { skipOuter } from '../resolve-call.js'
import { isFunction, type CallNode } from '../source-index.js'
import { isWaitedFor } from './promises.js'
import type { ScanContext } from './rule.js'
import type { TransactionScope } from './transaction-scopes.js'

/** Of these nothing is sent: they make a piece of a statement. */
const parts =
  /^(raw|ref|fn|dynamic|dialect|schema|literal|escape|identifier|transacting|listen|on|once|emit|afterCommit)$/

/** The outer handle as a call uses it, such as `db.query`; undefined: it does not. */
export function tellPoolUse(
  context: ScanContext,
  scope: TransactionScope,
  call: CallNode,
  edges: readonly Edge[],
): string | undefined {
  const { outer, handle, site } = scope
  const { ts } = context.project
  if (outer === undefined || handle === undefined || call === site || ts.isNewExpression(call)) return undefined
  const callee = skipOuter(ts, call.expression)
  const used = findBase(ts, callee)
  if (used === undefined || !isSame(context, outer, used, edges)) return undefined
  const whole = findWhole(ts, call)
  if (whole !== call || !isWaitedFor(ts, call) || isPart(ts, call)) return undefined
  const name = ts.isPropertyAccessExpression(callee) ? callee.name.text : ''
  if (parts.test(name)) return undefined
  // `Model.create(values, { transaction: t })`, `knex('a').transacting(trx)`.
  const text = call.getText()
  if (new RegExp(String.raw`\b${handle.replaceAll(/[^\w$]/g, '\\$&')}\b`).test(text)) return undefined
  return `${used.getText()}${name === '' ? '(…)' : `.${name}`}`
}

/** What a chain hangs on: `db` of `db.insert(…).values(…)`, `this.db` of `this.db.query(…)`. */
function findBase(ts: ScanContext['project']['ts'], expression: TS.Expression): TS.Expression | undefined {
  let at = skipOuter(ts, expression)
  while (ts.isPropertyAccessExpression(at) || ts.isCallExpression(at) || ts.isElementAccessExpression(at)) {
    const inner = skipOuter(ts, at.expression)
    if (ts.isPropertyAccessExpression(at) && inner.kind === ts.SyntaxKind.ThisKeyword) return at
    at = inner
  }
  return ts.isIdentifier(at) ? at : undefined
}

/** A part of a chain is reported with its end. */
function findWhole(ts: ScanContext['project']['ts'], call: TS.CallExpression): TS.CallExpression {
  let at: TS.CallExpression = call
  for (;;) {
    const { parent } = at
    if (
      !ts.isPropertyAccessExpression(parent) ||
      !ts.isCallExpression(parent.parent) ||
      parent.parent.expression !== parent
    )
      return at
    at = parent.parent
  }
}

/** Of another statement, such as `knex.fn.now()` in the values of an insert. */
function isPart(ts: ScanContext['project']['ts'], call: TS.CallExpression): boolean {
  for (
    let at: TS.Node = call;
    !ts.isAwaitExpression(at) && !ts.isStatement(at) && !isFunction(ts, at);
    at = at.parent
  ) {
    if (ts.isObjectLiteralExpression(at)) return true
    const { parent } = at
    if (ts.isCallExpression(parent) && parent.expression !== at && !parent.expression.getText().startsWith('Promise.'))
      return true
  }
  return false
}

function isSame(context: ScanContext, outer: TS.Expression, used: TS.Expression, edges: readonly Edge[]): boolean {
  const { ts } = context.project
  if (outer.kind !== used.kind) return false
  const symbol = context.resolver.symbolOf(outer)
  if (symbol === undefined || context.resolver.symbolOf(used) !== symbol) return false
  if (!ts.isPropertyAccessExpression(outer)) return true
  // `this.db` of another object may be another database: only calls of the same object are followed.
  if (outer.getText() !== used.getText()) return false
  return edges.every(
    ({ site, to }) =>
      isFunction(ts, to.node) && (isInline(to.node, site) || site.expression.getText().startsWith('this.')),
  )
}

/** Written in the call that it is given to. */
function isInline(fn: TS.Node, site: CallNode): boolean {
  for (let at: TS.Node | undefined = fn; at !== undefined; at = at.parent) if (at === site) return true
  return false
}
