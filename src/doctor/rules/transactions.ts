import type TS from 'typescript-5'
import type { Edge, Way } from '../call-graph.js'
import type { CallNode, SourceFunction } from '../source-index.js'
import { isWaitedFor } from './promises.js'
import { findReach, tellReached, weighIfReached, type Reach } from './reach.js'
import { nameNetworkCall } from './network.js'
import { tellPoolUse } from './pool-use.js'
import type { Rule, ScanContext, Spot } from './rule.js'
import { findCallbackScope, findStatementScope, type TransactionScope } from './transaction-scopes.js'

/** What is given to these runs after the transaction, or beside it. */
const later =
  /(^|\.)(afterCommit|onCommit|afterTransaction|transaction\.afterCommit|setTimeout|setImmediate|setInterval|nextTick|queueMicrotask|waitUntil)$/
const mostDepth = 8

/** What holds a transaction open longer than the database needs: the network, or another connection of the pool. */
export const findTransactionFaults: Rule = (context, report) => {
  const seen = new Set<TS.Node>()
  return (node, inside) => {
    const { project, index, resolver } = context
    const own = index.functions.get(node)
    const scope = project.ts.isCallExpression(node)
      ? findCallbackScope(project, index, resolver, node)
      : own === undefined
        ? undefined
        : findStatementScope(project, own)
    if (scope === undefined) return
    const reach = findReach(context, project.ts.isCallExpression(node) ? inside : own, scope.site)
    for (const spot of judge(context, scope, reach)) {
      if (seen.has(spot.node)) continue
      seen.add(spot.node)
      report(spot)
    }
  }
}

function judge(context: ScanContext, scope: TransactionScope, reach: Reach | undefined): Spot[] {
  const spots: Spot[] = []
  const visited = new Set<SourceFunction>()
  const visit = (fn: SourceFunction, calls: readonly CallNode[], edges: readonly Edge[], depth: number): void => {
    for (const call of calls) {
      const network = isWaitedFor(context.project.ts, call) ? nameNetworkCall(context, call) : undefined
      if (network !== undefined) spots.push(describeNetwork(context, scope, reach, call, network, edges))
      const pool = tellPoolUse(context, scope, call, edges)
      if (pool !== undefined) spots.push(describePool(context, scope, reach, call, pool, edges))
    }
    if (depth === mostDepth) return
    for (const edge of context.graph.listEdges(fn)) {
      if (!calls.includes(edge.site) || visited.has(edge.to) || !isFollowed(context, edge)) continue
      visited.add(edge.to)
      visit(edge.to, edge.to.calls, [...edges, edge], depth + 1)
    }
  }
  visit(scope.fn, scope.calls, [], 0)
  return spots
}

/** Only what the transaction waits for. */
function isFollowed({ project }: ScanContext, { site, isGuess }: Edge): boolean {
  if (isGuess || later.test(site.expression.getText())) return false
  return isWaitedFor(project.ts, site)
}

function describeNetwork(
  context: ScanContext,
  scope: TransactionScope,
  reach: Reach | undefined,
  node: CallNode,
  name: string,
  edges: readonly Edge[],
): Spot {
  return {
    rule: 'doctor/network-in-tx',
    severity: weighIfReached(reach, 'act', 'watch'),
    node,
    way: extend(reach, scope, edges),
    sentence: `A transaction waits for \`${name}\`${tellOpened(context, scope)}: its connection and its locks are held for as long as the other side takes, and a pool of 10 is empty after 10 such requests.${tellReached(reach)}`,
    fix: 'Call before or after the transaction: `tx.afterCommit(…)`, a job sent with `jobs.send(tx, …)`, or a saga where both must happen.',
  }
}

function describePool(
  context: ScanContext,
  scope: TransactionScope,
  reach: Reach | undefined,
  node: CallNode,
  name: string,
  edges: readonly Edge[],
): Spot {
  const handle = scope.handle ?? 'tx'
  return {
    rule: 'doctor/pool-in-tx',
    severity: weighIfReached(reach, 'act', 'watch'),
    node,
    way: extend(reach, scope, edges),
    sentence: `\`${name}\` is used inside of a transaction${tellOpened(context, scope)}: it takes a second connection while the first is held, which deadlocks the pool when all of them do, and it is not part of \`${handle}\`.${tellReached(reach)}`,
    fix: `Use \`${handle}\`, and hand it to what is called; what shall stay when it rolls back comes before or after.`,
  }
}

/** Where it was opened: often another file. */
function tellOpened({ project }: ScanContext, { site }: TransactionScope): string {
  const file = site.getSourceFile()
  const { line } = file.getLineAndCharacterOfPosition(site.getStart())
  return ` (opened in ${project.showPath(file.fileName)}:${line + 1})`
}

/** The way to the transaction goes on to the place inside of it. */
function extend(reach: Reach | undefined, { fn, site }: TransactionScope, edges: readonly Edge[]): Way | undefined {
  if (reach === undefined) return undefined
  const last = reach.way.edges.at(-1)?.to ?? reach.way.entries[0]?.fn
  const opens: Edge[] = last === undefined || last === fn ? [] : [{ from: last, to: fn, site, isGuess: false }]
  return { ...reach.way, edges: [...reach.way.edges, ...opens, ...edges] }
}
