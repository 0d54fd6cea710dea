import type { PlanTreeNode } from '../../src/http/contract'

/** How a node gets at its rows. */
export function nameNode({ op, relation, access, indexes = [] }: PlanTreeNode): string {
  if (relation === undefined) return op
  const names = indexes.join(', ')
  if (access === 'index') return `${relation} by ${names}`
  if (access === 'walk') return `${relation} along the whole of ${names}`
  return access === 'seq' ? `all of ${relation}` : `${op} of ${relation}`
}

/** A plan in a line: how it gets at each table. */
export function describeAccess(tree: PlanTreeNode): string {
  const scans = listNodes(tree).filter(({ relation }) => relation !== undefined)
  return scans.length === 0 ? tree.op : scans.map(nameNode).join(', ')
}

export function listNodes(node: PlanTreeNode): PlanTreeNode[] {
  return [node, ...(node.children ?? []).flatMap(listNodes)]
}

/** What is other about a node than in the other plan, in words; undefined: nothing. */
export function describeDifference(
  node: PlanTreeNode,
  other: PlanTreeNode,
  when: 'before' | 'after',
): string | undefined {
  const nodes = listNodes(other)
  const alike = nodes.filter((each) => nameNode(each) === nameNode(node))
  if (alike.some(({ cond, filter }) => cond === node.cond && filter === node.filter)) return undefined
  if (alike.length > 0) return 'other condition'
  const same = node.relation === undefined ? [] : nodes.filter(({ relation }) => relation === node.relation)
  const [found] = same
  if (found === undefined) return when === 'before' ? 'gone' : 'new'
  return `${when === 'before' ? 'now' : 'was'}: ${nameNode(found)}`
}
