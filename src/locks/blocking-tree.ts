import type { SessionState } from './inspect-types.js'

export type FoundSession = Omit<SessionState, 'blocks' | 'longestBlockedMs' | 'depth'>

interface Node {
  session: SessionState
  parent: Node | undefined
  children: Node[]
}

/** Sessions as a tree: roots first, those with the longest waits behind them in front, each followed by who waits for it. */
export function arrangeSessions(found: readonly FoundSession[], most: number): SessionState[] {
  const nodes = new Map(found.map((session) => [session.pid, makeNode(session)]))
  const placed = placeAll([...nodes.values()], nodes)
  for (const node of placed.toReversed()) addToParent(node)
  const kept = new Set(placed.slice(0, most))
  const shown: SessionState[] = []
  const show = (node: Node): void => {
    if (!kept.has(node)) return
    shown.push(node.session)
    for (const child of node.children.toSorted(compareWaits)) show(child)
  }
  for (const root of placed.filter(({ parent }) => parent === undefined).toSorted(compareBlocked)) show(root)
  return shown
}

function makeNode(session: FoundSession): Node {
  return { session: { ...session, blocks: 0, longestBlockedMs: 0, depth: 0 }, parent: undefined, children: [] }
}

/** By depth, the longest waits first. */
function placeAll(nodes: readonly Node[], byPid: ReadonlyMap<number, Node>): Node[] {
  const blockedBy = new Map<Node, Node[]>()
  for (const node of nodes)
    for (const blocker of findBlockers(node, byPid)) blockedBy.set(blocker, [...(blockedBy.get(blocker) ?? []), node])
  const placed = new Set(nodes.filter(({ session }) => session.lock === null))
  placeBehind(placed, blockedBy)
  for (const node of nodes) {
    if (placed.has(node)) continue
    placed.add(findRoot(node, byPid))
    placeBehind(placed, blockedBy)
  }
  return [...placed].sort((a, b) => a.session.depth - b.session.depth || compareWaits(a, b))
}

/** Some may have ended since. */
function findBlockers({ session }: Node, byPid: ReadonlyMap<number, Node>): Node[] {
  return session.blockedBy.map((pid) => byPid.get(pid)).filter((node) => node !== undefined)
}

/** Of one whose blockers all wait: in a ring that the server has not broken yet, one of its members. */
function findRoot(node: Node, byPid: ReadonlyMap<number, Node>): Node {
  const seen = new Set<Node>()
  for (let at = node; ;) {
    const [blocker] = findBlockers(at, byPid)
    if (blocker === undefined || seen.has(at)) return at
    seen.add(at)
    at = blocker
  }
}

function placeBehind(placed: Set<Node>, blockedBy: ReadonlyMap<Node, Node[]>): void {
  // A set is walked in the order of insertion, what is added meanwhile too.
  for (const node of placed)
    for (const child of blockedBy.get(node) ?? []) {
      if (placed.has(child)) continue
      child.parent = node
      child.session.depth = node.session.depth + 1
      node.children.push(child)
      placed.add(child)
    }
}

function addToParent({ session, parent }: Node): void {
  if (parent === undefined) return
  parent.session.blocks += 1 + session.blocks
  const longest = Math.max(session.waitedMs ?? 0, session.longestBlockedMs)
  parent.session.longestBlockedMs = Math.max(parent.session.longestBlockedMs, longest)
}

function compareWaits(a: Node, b: Node): number {
  return (b.session.waitedMs ?? 0) - (a.session.waitedMs ?? 0)
}

function compareBlocked(a: Node, b: Node): number {
  return b.session.longestBlockedMs - a.session.longestBlockedMs
}
