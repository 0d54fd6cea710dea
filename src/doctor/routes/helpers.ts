import type TS from 'typescript-5'
import type { Project } from '../project.js'
import { skipOuter, type CallResolver } from '../resolve-call.js'
import { findOuter, type SourceFunction, type SourceIndex } from '../source-index.js'

/** A function of the project that registers routes with handlers that it is given: `setUpRoute(router, path, handler)`. */
interface Helper {
  verb: string
  /** Which parameter is the path; -1: none. */
  path: number
  handlers: Set<number>
}

export interface HelperRoute {
  call: TS.CallExpression
  verb: string
  path: TS.Expression | undefined
  handlers: TS.Expression[]
}

export class RouteHelpers {
  private readonly helpers = new Map<SourceFunction, Helper>()
  private readonly project: Project
  private readonly index: SourceIndex

  constructor(project: Project, index: SourceIndex) {
    this.project = project
    this.index = index
  }

  /** Of a registration inside of a function: which of its parameters are handlers. */
  read(call: TS.CallExpression, verb: string, path: TS.Expression, handlers: readonly TS.Expression[]): void {
    const outer = findOuter(this.project.ts, call)
    const fn = outer === undefined ? undefined : this.index.functions.get(outer)
    if (fn === undefined || fn.name === '') return
    const indexes = new Set(handlers.flatMap((each) => this.listParameters(each, fn)))
    const [at = -1] = this.listParameters(path, fn)
    indexes.delete(at)
    if (indexes.size === 0) return
    const known = this.helpers.get(fn)
    if (known === undefined) this.helpers.set(fn, { verb, path: at, handlers: indexes })
    else for (const each of indexes) known.handlers.add(each)
  }

  /** Where these functions are called. */
  find(resolver: CallResolver): HelperRoute[] {
    const { ts } = this.project
    const names = new Set([...this.helpers.keys()].map(({ name }) => name.split('.').at(-1)))
    return this.index.calls.flatMap(({ call }) => {
      if (ts.isNewExpression(call)) return []
      const callee = skipOuter(ts, call.expression)
      const name = ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText()
      if (!names.has(name)) return []
      const [target] = resolver.resolveCall(call).targets
      const helper = target === undefined ? undefined : this.helpers.get(target)
      if (helper === undefined) return []
      const handlers = [...helper.handlers].flatMap((at) => call.arguments[at] ?? [])
      return [{ call, verb: helper.verb, path: call.arguments[helper.path], handlers }]
    })
  }

  /** The places of `fn`'s parameters that an expression names. */
  private listParameters(expression: TS.Node, fn: SourceFunction): number[] {
    const { ts, checker } = this.project
    const found: number[] = []
    const visit = (node: TS.Node): void => {
      if (ts.isIdentifier(node)) {
        const declaration = checker.getSymbolAtLocation(node)?.declarations?.[0]
        if (declaration !== undefined && ts.isParameter(declaration) && declaration.parent === fn.node)
          found.push(fn.node.parameters.indexOf(declaration))
      }
      ts.forEachChild(node, visit)
    }
    visit(expression)
    return found
  }
}
