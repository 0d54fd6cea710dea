import type TS from 'typescript-5'
import type { Project } from '../project.js'
import { skipOuter } from '../resolve-call.js'
import { isFunction, type SourceIndex } from '../source-index.js'

const frameworks =
  /^(express|express-.*router|fastify|@fastify\/.*|fastify-.*|hono(\/.*)?|@hono\/.*|koa|koa-.*|@koa\/.*|polka|restify|router|find-my-way|itty-router|elysia|h3|passport|koa-passport|@hapi\/hapi|connect|websocket-express|trek-router|0http)$/
/** What an application, a router or a plugin's parameter is called. */
const usual =
  /(^|\.|_)(app|application|router|routes?|server|fastify|express|api|hono|koa|instance|f|scope|passport|wsApp|webApp)$|(app|router|server|routes?|api|express)$/i
const usualHandler = /^_?(req|request|ctx|context|c|reply|res|response|err|error|next)$/i

/** Whether routes are registered on an expression: by the package it comes from, else by its name. */
export function isApplication(project: Project, index: SourceIndex, receiver: TS.Expression): boolean {
  const module = findModule(project, index, receiver)
  if (module !== undefined) return frameworks.test(module)
  const root = findRoot(project.ts, receiver)
  if (root.kind === project.ts.SyntaxKind.ThisKeyword) return true
  return usual.test(showReceiver(project.ts, receiver))
}

/** Whether a function takes what handlers take. */
export function isHandlerLike({ ts }: Project, value: TS.Expression): boolean {
  const fn = skipOuter(ts, value)
  if (!isFunction(ts, fn)) return false
  const [first] = fn.parameters
  return first !== undefined && ts.isIdentifier(first.name) && usualHandler.test(first.name.text)
}

/** The package that a receiver is made by, or whose type its parameter has. */
export function findModule(
  project: Project,
  index: SourceIndex,
  receiver: TS.Expression,
  depth = 0,
): string | undefined {
  const { ts, checker } = project
  const direct = index.importsOf(receiver.getSourceFile()).findRoot(receiver)
  if (direct !== undefined) return direct.module
  if (depth > 4) return undefined
  const root = findRoot(ts, receiver)
  const name = ts.isIdentifier(root) ? root : findOwnProperty(ts, receiver)
  if (name === undefined) return undefined
  let symbol = checker.getSymbolAtLocation(name)
  if (symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol)
  const declaration = symbol?.declarations?.[0]
  if (declaration === undefined) return undefined
  if (ts.isVariableDeclaration(declaration) || ts.isPropertyDeclaration(declaration) || ts.isParameter(declaration)) {
    const { type, initializer } = declaration
    const typed = type === undefined ? undefined : findTypeModule(ts, index, type)
    if (typed !== undefined) return typed
    if (initializer !== undefined && skipOuter(ts, initializer) !== root)
      return findModule(project, index, skipOuter(ts, initializer), depth + 1)
  }
  return undefined
}

function findTypeModule(ts: Project['ts'], index: SourceIndex, type: TS.TypeNode): string | undefined {
  if (!ts.isTypeReferenceNode(type)) return undefined
  let name = type.typeName
  while (ts.isQualifiedName(name)) name = name.left
  return index.importsOf(type.getSourceFile()).findType(name.text)?.module
}

/** Of `this.app.get`: the property. */
function findOwnProperty(ts: Project['ts'], receiver: TS.Expression): TS.Node | undefined {
  const value = skipOuter(ts, receiver)
  return ts.isPropertyAccessExpression(value) ? value.name : undefined
}

/** What a chain of calls and members begins with. */
export function findRoot(ts: Project['ts'], expression: TS.Expression): TS.Expression {
  let at = skipOuter(ts, expression)
  for (;;) {
    if (ts.isPropertyAccessExpression(at) || ts.isElementAccessExpression(at)) at = skipOuter(ts, at.expression)
    else if (ts.isCallExpression(at) || ts.isNewExpression(at)) at = skipOuter(ts, at.expression)
    else return at
  }
}

/** The receiver without what is chained to it. */
function showReceiver(ts: Project['ts'], receiver: TS.Expression): string {
  let at = skipOuter(ts, receiver)
  while (ts.isCallExpression(at) && ts.isPropertyAccessExpression(at.expression))
    at = skipOuter(ts, at.expression.expression)
  return ts.isCallExpression(at) || ts.isNewExpression(at) ? at.expression.getText() : at.getText()
}
