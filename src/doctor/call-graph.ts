import type TS from 'typescript-5'
import { findGuard, type Guard } from './guards.js'
import type { Project } from './project.js'
import { skipOuter, type CallResolver } from './resolve-call.js'
import type { Entry } from './routes/entries.js'
import { isFunction, type CallNode, type SourceFunction, type SourceIndex } from './source-index.js'

export interface Edge {
  from: SourceFunction
  to: SourceFunction
  /** The call that leads there, or that it is given to. */
  site: CallNode
  isGuess: boolean
}

/** How a request comes to a function. */
export interface Way {
  /** The nearest route first. */
  entries: readonly Entry[]
  /** From the nearest route's function on. */
  edges: readonly Edge[]
  isGuess: boolean
  guard: Guard | undefined
}

/** Names of calls that keep a function for something else than the request: the end of the process, a timetable. */
const detached =
  /^(process\.(on|once|addListener|prependListener)|(.*\.)?(schedule|scheduleJob|cron|setInterval|onExit|onShutdown))$/

/** Which function calls which, as far as requests come. */
export class CallGraph {
  readonly reached = new Set<SourceFunction>()
  readonly figures = { calls: 0, resolvedCalls: 0 }
  private readonly out = new Map<SourceFunction, readonly Edge[]>()
  private readonly into = new Map<SourceFunction, Edge[]>()
  private readonly ways = new Map<SourceFunction, Way | undefined>()
  private readonly entriesOf = new Map<SourceFunction, Entry[]>()
  private readonly guards = new Map<TS.Node, Guard | undefined>()

  private readonly project: Project
  private readonly index: SourceIndex
  private readonly resolver: CallResolver
  private readonly registrations: ReadonlySet<TS.Node>

  constructor(
    project: Project,
    index: SourceIndex,
    resolver: CallResolver,
    entries: readonly Entry[],
    registrations: ReadonlySet<TS.Node>,
  ) {
    this.project = project
    this.index = index
    this.resolver = resolver
    this.registrations = registrations
    for (const entry of entries) this.entriesOf.set(entry.fn, [...(this.entriesOf.get(entry.fn) ?? []), entry])
    const queue = [...this.entriesOf.keys()]
    for (const fn of queue) {
      if (this.reached.has(fn)) continue
      this.reached.add(fn)
      for (const edge of this.listEdges(fn, this.figures)) {
        this.into.set(edge.to, [...(this.into.get(edge.to) ?? []), edge])
        queue.push(edge.to)
      }
    }
  }

  /** What a function calls; of functions that no request reaches as well. */
  listEdges(fn: SourceFunction, figures = { calls: 0, resolvedCalls: 0 }): readonly Edge[] {
    const known = this.out.get(fn)
    if (known !== undefined) return known
    const edges = fn.calls.flatMap((call) => this.readCall(fn, call, figures))
    this.out.set(fn, edges)
    return edges
  }

  /** How a request comes to `fn`: surely, else by a name, else only once or in development; undefined: it does not. */
  findWay(fn: SourceFunction): Way | undefined {
    if (!this.reached.has(fn)) return undefined
    if (!this.ways.has(fn))
      this.ways.set(
        fn,
        this.search(fn, (edge) => !edge.isGuess && this.guardOf(edge) === undefined) ??
          this.search(fn, (edge) => this.guardOf(edge) === undefined) ??
          this.search(fn, () => true),
      )
    return this.ways.get(fn)
  }

  /** Backwards, breadth first: the first entry that is met has the shortest way. */
  private search(fn: SourceFunction, follows: (edge: Edge) => boolean): Way | undefined {
    const next = new Map<SourceFunction, Edge | undefined>([[fn, undefined]])
    const entries: Entry[] = []
    let nearest: SourceFunction | undefined
    for (const at of next.keys()) {
      const found = this.entriesOf.get(at)
      if (found !== undefined) {
        nearest ??= at
        entries.push(...found)
      }
      for (const edge of this.into.get(at) ?? []) if (!next.has(edge.from) && follows(edge)) next.set(edge.from, edge)
    }
    if (nearest === undefined) return undefined
    const edges: Edge[] = []
    for (let edge = next.get(nearest); edge !== undefined; edge = next.get(edge.to)) edges.push(edge)
    const guard = edges.map((edge) => this.guardOf(edge)).find((each) => each !== undefined)
    return { entries, edges, isGuess: edges.some(({ isGuess }) => isGuess), guard }
  }

  private guardOf(edge: Edge): Guard | undefined {
    if (!this.guards.has(edge.site)) this.guards.set(edge.site, findGuard(this.project, edge.site))
    return this.guards.get(edge.site)
  }

  private readCall(from: SourceFunction, call: CallNode, figures: { calls: number; resolvedCalls: number }): Edge[] {
    // What a route is registered with does not run now.
    if (this.registrations.has(call)) return []
    const { targets, isGuess, isKnown } = this.resolver.resolveCall(call)
    figures.calls++
    if (isKnown) figures.resolvedCalls++
    const edges = targets.map((to): Edge => ({ from, to, site: call, isGuess }))
    if (detached.test(call.expression.getText())) return edges
    const given = (call.arguments ?? []).flatMap((each) => this.listGiven(each))
    return [...edges, ...given.map((to): Edge => ({ from, to, site: call, isGuess: false }))]
  }

  /** Functions in an argument, which the called one may call: written there, or named. */
  private listGiven(argument: TS.Expression): readonly SourceFunction[] {
    const { ts } = this.project
    const value = skipOuter(ts, argument)
    if (ts.isIdentifier(value) || ts.isPropertyAccessExpression(value)) return this.resolver.resolveValue(value)
    const found: SourceFunction[] = []
    const visit = (node: TS.Node): void => {
      if (isFunction(ts, node)) {
        const own = this.index.functions.get(node)
        if (own !== undefined) found.push(own)
      } else if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.initializer)) {
        // `{ authorizer: checkPassword }`
        found.push(...this.resolver.resolveValue(node.initializer))
      } else if (ts.isShorthandPropertyAssignment(node)) {
        found.push(...this.resolver.resolveShorthand(node))
        // A call in the argument has arguments of its own.
      } else if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) ts.forEachChild(node, visit)
    }
    visit(value)
    return found
  }
}
