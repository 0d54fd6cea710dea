import { createHash } from 'node:crypto'

/** What is explored. Nothing of it can be copied: a state is reached again by playing its trace from the beginning. */
export interface Explorable {
  reset(): Promise<void>
  /** What can happen next, in an order that is always the same. */
  actions(): string[]
  apply(action: string): Promise<void>
  /** Equal texts: everything that can follow is equal too. `broken` holds what no state may be. */
  look(): Promise<{ text: string; broken: string[] }>
  /** Nothing can happen any more. Gives what is wrong with that; the state is used up. */
  conclude(): Promise<string[]>
}

export interface Exploration {
  states: number
  transitions: number
  ends: number
  /** Paths from the first state to an end: the orders that were covered, most of them by sharing states. */
  interleavings: bigint
  replays: number
  violation?: { trace: string[]; broken: string[] }
}

interface Node {
  key: string
  trace: string[]
  actions: string[]
}

/** Breadth first, hence with the shortest trace to a violation; depth first plays fewer steps again. */
export type Order = 'breadth' | 'depth'

export class Explorer {
  readonly #world: Explorable
  readonly #edges = new Map<string, string[]>()
  readonly #found: Exploration = { states: 0, transitions: 0, ends: 0, interleavings: 0n, replays: 0 }
  /** The trace that the world has played now; undefined: it is used up. */
  #at: string[] | undefined

  constructor(world: Explorable) {
    this.#world = world
  }

  async run(order: Order): Promise<Exploration> {
    await this.#world.reset()
    this.#at = []
    const root = await this.#meet([])
    if (root !== undefined) await (order === 'depth' ? this.#dive(root) : this.#sweep(root))
    if (root !== undefined && !this.#found.violation) this.#found.interleavings = countPaths(this.#edges, root.key)
    return this.#found
  }

  /** Goes on from each new state at once, as the world stands there. */
  async #dive(node: Node): Promise<void> {
    for (const action of node.actions) {
      const child = await this.#step(node, action)
      if (child !== undefined) await this.#dive(child)
      if (this.#found.violation) return
    }
  }

  async #sweep(root: Node): Promise<void> {
    const open = [root]
    for (let node = open.shift(); node !== undefined; node = open.shift()) {
      for (const action of node.actions) {
        const child = await this.#step(node, action)
        if (child !== undefined) open.push(child)
        if (this.#found.violation) return
      }
    }
  }

  async #step(node: Node, action: string): Promise<Node | undefined> {
    await this.#goTo(node.trace)
    await this.#world.apply(action)
    this.#at = [...node.trace, action]
    this.#found.transitions++
    return await this.#meet(this.#at, this.#edges.get(node.key))
  }

  /** Undefined: known, an end, or a violation. */
  async #meet(trace: string[], edges: string[] = []): Promise<Node | undefined> {
    const { text, broken } = await this.#world.look()
    const key = createHash('sha1').update(text).digest('base64')
    edges.push(key)
    if (broken.length > 0) this.#found.violation = { trace, broken }
    if (broken.length > 0 || this.#edges.has(key)) return undefined
    this.#edges.set(key, [])
    this.#found.states++
    const actions = this.#world.actions()
    if (actions.length > 0) return { key, trace, actions }
    this.#found.ends++
    const wrong = await this.#world.conclude()
    this.#at = undefined
    if (wrong.length > 0) this.#found.violation = { trace: [...trace, '(everything has ended)'], broken: wrong }
    return undefined
  }

  async #goTo(trace: string[]): Promise<void> {
    if (this.#at !== undefined && this.#at.join('\n') === trace.join('\n')) return
    this.#found.replays++
    await this.#world.reset()
    for (const action of trace) await this.#world.apply(action)
    this.#at = trace
  }
}

function countPaths(edges: ReadonlyMap<string, string[]>, root: string): bigint {
  const known = new Map<string, bigint>()
  const count = (key: string): bigint => {
    const cached = known.get(key)
    if (cached !== undefined) return cached
    const children = edges.get(key) ?? []
    const paths = children.length === 0 ? 1n : children.reduce((sum, child) => sum + count(child), 0n)
    known.set(key, paths)
    return paths
  }
  return count(root)
}
