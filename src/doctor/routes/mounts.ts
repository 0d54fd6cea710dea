import type TS from 'typescript-5'
import type { Project } from '../project.js'
import { skipOuter } from '../resolve-call.js'
import type { SourceIndex } from '../source-index.js'
import { findRoot } from './receivers.js'

/** Under which path a router hangs, where one call says so: `app.use('/api', router)`, `new Router({ prefix: '/api' })`. */
export class Mounts {
  private readonly paths = new Map<TS.Symbol, string>()

  private readonly project: Project

  constructor(project: Project, index: SourceIndex) {
    this.project = project
    // All of them first: a route may be read before the line that mounts its router.
    for (const { call } of index.calls) this.readCall(call)
  }

  add(_receiver: TS.Expression, path: string, values: readonly TS.Expression[]): void {
    if (path === '' || path === '/') return
    for (const value of values) {
      const symbol = this.find(value)
      if (symbol !== undefined && !this.paths.has(symbol)) this.paths.set(symbol, path)
    }
  }

  /** `''`: not known. */
  prefix(receiver: TS.Expression): string {
    const symbol = this.find(receiver)
    return (symbol === undefined ? undefined : this.paths.get(symbol)) ?? this.readOwn(symbol) ?? ''
  }

  private readCall(call: TS.CallExpression | TS.NewExpression): void {
    const { ts } = this.project
    if (!ts.isCallExpression(call) || !ts.isPropertyAccessExpression(call.expression)) return
    const name = call.expression.name.text
    const [first] = call.arguments
    if ((name !== 'use' && name !== 'route') || call.arguments.length < 2) return
    if (first !== undefined && ts.isStringLiteralLike(first))
      this.add(call.expression.expression, first.text, call.arguments.slice(1))
  }

  /** `new Router({ prefix })`, `new Hono().basePath(path)`. */
  private readOwn(symbol: TS.Symbol | undefined): string | undefined {
    const { ts } = this.project
    const declaration = symbol?.declarations?.[0]
    if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.initializer === undefined)
      return undefined
    return /(?:prefix: *|basePath\()['"]([^'"]*)['"]/.exec(declaration.initializer.getText().slice(0, 400))?.[1]
  }

  /** Of `const sub = new Hono().get(…)`: the variable that the chain is kept in. */
  private findHolder(value: TS.Expression): TS.Identifier | undefined {
    const { ts } = this.project
    let base = skipOuter(ts, value)
    while (ts.isCallExpression(base) && ts.isPropertyAccessExpression(base.expression))
      base = skipOuter(ts, base.expression.expression)
    if (!ts.isNewExpression(base) && !ts.isCallExpression(base)) return undefined
    let at: TS.Node = value
    while (ts.isExpression(at)) at = at.parent
    return ts.isVariableDeclaration(at) && ts.isIdentifier(at.name) ? at.name : undefined
  }

  private find(value: TS.Expression): TS.Symbol | undefined {
    const { ts, checker } = this.project
    const inner = skipOuter(ts, value)
    // `require('./settings').router`, `settings.router`: the member is the router.
    const member = ts.isPropertyAccessExpression(inner) ? checker.getSymbolAtLocation(inner.name) : undefined
    const root = this.findHolder(value) ?? findRoot(ts, value)
    if (member === undefined && !ts.isIdentifier(root)) return undefined
    const symbol = member ?? checker.getSymbolAtLocation(root)
    const own = symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    // `export default router`: what is meant is the router.
    const declaration = own?.declarations?.[0]
    const exported = declaration === undefined ? undefined : readExported(ts, declaration)
    return exported === undefined ? own : checker.getSymbolAtLocation(exported)
  }
}

/** `export default router`, `exports.router = router`, `{ router }`. */
function readExported(ts: Project['ts'], declaration: TS.Node): TS.Identifier | undefined {
  if (ts.isExportAssignment(declaration)) return asName(ts, declaration.expression)
  if (ts.isPropertyAssignment(declaration)) return asName(ts, declaration.initializer)
  if (ts.isShorthandPropertyAssignment(declaration)) return undefined
  const { parent } = declaration
  return parent !== undefined && ts.isBinaryExpression(parent) && parent.left === declaration
    ? asName(ts, parent.right)
    : undefined
}

function asName(ts: Project['ts'], expression: TS.Expression): TS.Identifier | undefined {
  const inner = skipOuter(ts, expression)
  return ts.isIdentifier(inner) ? inner : undefined
}
