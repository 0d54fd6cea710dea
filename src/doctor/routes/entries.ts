import type TS from 'typescript-5'
import type { Project } from '../project.js'
import { skipOuter, type CallResolver } from '../resolve-call.js'
import { type FoundCall, type SourceFunction, type SourceIndex } from '../source-index.js'
import { findDecorated } from './decorated.js'
import { findModule, isApplication, isHandlerLike } from './receivers.js'
import { RouteHelpers } from './helpers.js'
import { Mounts } from './mounts.js'

/** Where a request enters. */
export interface Entry {
  /** `GET /orders/:id`, or what runs for many routes, such as `middleware` or `hook onRequest`. */
  label: string
  isRoute: boolean
  fn: SourceFunction
  site: TS.Node
}

export interface FoundEntries {
  entries: Entry[]
  /** The calls that register them: what is given to these does not run when they do. */
  registrations: Set<TS.Node>
  /** How many different routes there are. */
  routes: number
}

const verbs = /^(get|post|put|patch|delete|del|head|options|all|any|ws)$/
const methods = /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$/
const requestHooks =
  /^(onRequest|preParsing|preValidation|preHandler|preSerialization|onSend|onResponse|onError|onTimeout|onRequestAbort|onPreHandler|onPreAuth|onPostAuth|onPreResponse)$/
const errorHandlers =
  /^(setErrorHandler|setNotFoundHandler|setSchemaErrorFormatter|onError|notFound|setReplySerializer)$/
const handlerKeys =
  /^(handler|preHandler|onRequest|preValidation|preParsing|preSerialization|onSend|onResponse|errorHandler|middlewares?|before|pre|wsHandler|handle|fetch)$/

export function findEntries(project: Project, index: SourceIndex, resolver: CallResolver): FoundEntries {
  const finder = new EntryFinder(project, index, resolver)
  for (const found of index.calls) if (project.isTarget(found.file)) finder.read(found)
  finder.readHelpers()
  finder.entries.push(...findDecorated(project, index), ...findAssigned(project, index))
  const labels = finder.entries.filter(({ isRoute }) => isRoute).map(({ label }) => label)
  return { entries: finder.entries, registrations: finder.registrations, routes: new Set(labels).size }
}

/** koa's `app.context.onerror = function () {…}`. */
function findAssigned({ isTarget }: Project, index: SourceIndex): Entry[] {
  return [...index.functions.values()]
    .filter(({ name, file }) => name.endsWith('.context.onerror') && isTarget(file))
    .map((fn) => ({ label: 'onerror', isRoute: false, fn, site: fn.node }))
}

function showVerb(verb: string): string {
  if (verb === 'del') return 'DELETE'
  return verb === 'any' ? 'ALL' : verb.toUpperCase()
}

class EntryFinder {
  readonly entries: Entry[] = []
  readonly registrations = new Set<TS.Node>()
  private readonly mounts: Mounts
  private readonly helpers: RouteHelpers

  private readonly project: Project
  private readonly index: SourceIndex
  private readonly resolver: CallResolver

  constructor(project: Project, index: SourceIndex, resolver: CallResolver) {
    this.project = project
    this.index = index
    this.resolver = resolver
    this.mounts = new Mounts(project, index)
    this.helpers = new RouteHelpers(project, index)
  }

  read({ call }: FoundCall): void {
    const { ts } = this.project
    if (ts.isNewExpression(call)) return
    const callee = skipOuter(ts, call.expression)
    if (ts.isIdentifier(callee)) return this.readFunction(call, callee)
    if (!ts.isPropertyAccessExpression(callee)) return
    const name = callee.name.text
    if (verbs.test(name)) this.readVerb(call, callee, name)
    else if (name === 'use') this.readUse(call, callee.expression)
    else if (name === 'on') this.readOn(call, callee.expression)
    else if (name === 'route') this.readRouteObject(call, callee.expression)
    else if (name === 'addHook' || name === 'hook' || name === 'ext') this.readHook(call, callee.expression)
    else if (errorHandlers.test(name)) this.readMiddleware(call, callee.expression, call.arguments, name)
    else if (name === 'param' && call.arguments.length === 2)
      this.readMiddleware(call, callee.expression, call.arguments.slice(1), 'param')
    else if (/^decorate(Request|Reply)?$/.test(name)) this.readDecoration(call, callee.expression)
    else if (/^(query|mutation|subscription)$/.test(name)) this.readProcedure(call, callee)
    else if (/^create(Secure)?Server$/.test(name)) this.readFunction(call, callee)
    else if (name === 'serve') this.readServe(call)
    else if (name === 'openapi') this.readOpenApi(call, callee.expression)
  }

  /** `app.get('/orders', check, handler)`, `router.route('/orders').get(handler)`. */
  private readVerb(call: TS.CallExpression, callee: TS.PropertyAccessExpression, verb: string): void {
    const { ts } = this.project
    const chained = this.findRouteCall(callee.expression)
    if (chained !== undefined) {
      if (this.isApplication(chained.receiver))
        this.addRoute(call, call.arguments, verb, chained.path, chained.receiver)
      return
    }
    const [path, ...handlers] = call.arguments
    if (path === undefined || handlers.length === 0) return
    if (!this.isPath(path)) return
    const last = handlers.at(-1) as TS.Expression
    const isTold =
      isHandlerLike(this.project, last) && findModule(this.project, this.index, callee.expression) === undefined
    if (!isTold && !this.isApplication(callee.expression)) return
    // koa: `router.get('name', '/path', handler)`.
    const isNamed = handlers.length > 1 && ts.isStringLiteralLike(handlers[0] as TS.Expression)
    const shown = this.showPath(isNamed ? (handlers[0] as TS.Expression) : path)
    this.helpers.read(call, verb, path, handlers)
    this.addRoute(call, handlers, verb, shown, callee.expression)
  }

  /** Calls of the project's own functions that register routes. */
  readHelpers(): void {
    for (const { call, verb, path, handlers } of this.helpers.find(this.resolver)) {
      if (this.registrations.has(call)) continue
      const functions = handlers.flatMap((each) => this.listHandlers(each))
      if (functions.length > 0)
        this.add(
          call,
          `${showVerb(verb)} ${path === undefined ? call.expression.getText() : this.showPath(path)}`,
          true,
          functions,
        )
    }
  }

  private addRoute(
    call: TS.CallExpression,
    handlers: readonly TS.Expression[],
    verb: string,
    path: string,
    receiver: TS.Expression,
  ): void {
    const functions = handlers.flatMap((each) => this.listHandlers(each))
    if (functions.length === 0) return
    this.add(call, `${showVerb(verb)} ${this.mounts.prefix(receiver)}${path}`, true, functions)
  }

  private readUse(call: TS.CallExpression, receiver: TS.Expression): void {
    const { ts } = this.project
    const [first] = call.arguments
    if (first === undefined || !this.isApplication(receiver)) return
    const path = ts.isStringLiteralLike(first) ? first.text : ''
    this.mounts.add(receiver, path, call.arguments)
    this.readMiddleware(call, receiver, call.arguments, `middleware${path === '' || path === '/' ? '' : ` ${path}`}`)
  }

  private readMiddleware(
    call: TS.CallExpression,
    receiver: TS.Expression,
    values: readonly TS.Expression[],
    label: string,
  ): void {
    if (!this.isApplication(receiver)) return
    this.add(
      call,
      label,
      false,
      values.flatMap((each) => this.listHandlers(each)),
    )
  }

  /** hono's `app.on(method, path, handler)`; node's `server.on('request', handler)`. */
  private readOn(call: TS.CallExpression, receiver: TS.Expression): void {
    const { ts } = this.project
    const [first, second, ...rest] = call.arguments
    if (first === undefined || second === undefined) return
    if (ts.isStringLiteralLike(first) && first.text === 'request')
      return this.add(call, 'every request', true, this.listHandlers(second))
    const isHono = rest.length > 0 && (ts.isStringLiteralLike(second) || ts.isArrayLiteralExpression(second))
    if (!isHono || !this.isApplication(receiver)) return
    this.addRoute(call, rest, first.getText().replaceAll(/['"`[\]]/g, ''), this.showPath(second), receiver)
  }

  /** `fastify.route({ method, url, handler })`, and hono's `app.route('/prefix', sub)`. */
  private readRouteObject(call: TS.CallExpression, receiver: TS.Expression): void {
    const { ts } = this.project
    const [first, second] = call.arguments
    if (first === undefined) return
    if (second !== undefined) {
      // A router of one's own: `this.route('GET', '/path', handler)`.
      if (ts.isStringLiteralLike(first) && methods.test(first.text) && call.arguments.length > 2)
        return this.addRoute(call, call.arguments.slice(2), first.text, this.showPath(second), receiver)
      if (this.isApplication(receiver) && ts.isStringLiteralLike(first))
        this.mounts.add(receiver, first.text, call.arguments)
      return
    }
    const value = skipOuter(ts, first)
    const objects = ts.isArrayLiteralExpression(value) ? value.elements : [value]
    for (const each of objects) {
      if (!ts.isObjectLiteralExpression(each)) continue
      const path = this.readProperty(each, /^(path|url)$/)
      const handler = this.readProperty(each, /^(handler|handle)$/)
      if (path === undefined || handler === undefined) continue
      const method =
        this.readProperty(each, /^method$/)
          ?.getText()
          .replaceAll(/['"`[\] ]/g, '')
          .toUpperCase() ?? 'ALL'
      this.add(call, `${method} ${this.mounts.prefix(receiver)}${this.showPath(path)}`, true, this.listHandlers(each))
    }
  }

  private readHook(call: TS.CallExpression, receiver: TS.Expression): void {
    const { ts } = this.project
    const [name, ...handlers] = call.arguments
    if (name === undefined || !ts.isStringLiteralLike(name) || !requestHooks.test(name.text)) return
    this.readMiddleware(call, receiver, handlers, `hook ${name.text}`)
  }

  /** hono's zod-openapi: `app.openapi(route, handler)`. */
  private readOpenApi(call: TS.CallExpression, receiver: TS.Expression): void {
    const { ts, checker } = this.project
    const [route, ...handlers] = call.arguments
    if (route === undefined || !this.isApplication(receiver)) return
    const declaration = ts.isIdentifier(route) ? checker.getSymbolAtLocation(route)?.declarations?.[0] : undefined
    const made = declaration !== undefined && ts.isVariableDeclaration(declaration) ? declaration.initializer : route
    const shape = made !== undefined && ts.isCallExpression(made) ? made.arguments[0] : undefined
    const isTold = shape !== undefined && ts.isObjectLiteralExpression(shape)
    const method = isTold ? this.readProperty(shape, /^method$/) : undefined
    const path = isTold ? this.readProperty(shape, /^path$/) : undefined
    const verb = method !== undefined && ts.isStringLiteralLike(method) ? method.text : 'all'
    this.addRoute(
      call,
      handlers,
      verb,
      path === undefined ? ` ${route.getText()}`.trim() : this.showPath(path),
      receiver,
    )
  }

  private readDecoration(call: TS.CallExpression, receiver: TS.Expression): void {
    const { ts } = this.project
    const [name, value] = call.arguments
    if (name === undefined || value === undefined || !ts.isStringLiteralLike(name) || !this.isApplication(receiver))
      return
    this.registrations.add(call)
    const made = this.resolver.resolveValue(value)
    if (made.length > 0)
      this.resolver.decorated.set(name.text, [...(this.resolver.decorated.get(name.text) ?? []), ...made])
  }

  /** tRPC: `procedure.input(schema).query(handler)`. */
  private readProcedure(call: TS.CallExpression, callee: TS.PropertyAccessExpression): void {
    const { ts } = this.project
    const [handler, more] = call.arguments
    if (handler === undefined || more !== undefined) return
    if (!/procedure\b/i.test(callee.expression.getText().split('(')[0] as string)) return
    const holder = call.parent
    const name = ts.isPropertyAssignment(holder)
      ? holder.name.getText()
      : call.getSourceFile().fileName.split('/').at(-1)
    this.add(call, `procedure ${name ?? ''}`, true, this.listHandlers(handler))
  }

  /** `createServer(handler)` of node:http, also as a name of its own; `serve({ fetch })`. */
  private readFunction(call: TS.CallExpression, callee: TS.Expression): void {
    const origin = this.index.importsOf(call.getSourceFile()).find(callee)
    if (origin === undefined) return
    if (/^(http|https|http2)$/.test(origin.module) && /^create(Secure)?Server$/.test(origin.path))
      this.add(
        call,
        'every request',
        true,
        call.arguments.flatMap((each) => this.listHandlers(each)),
      )
    if (origin.module === '@hono/node-server' && origin.path === 'serve') this.readServe(call)
  }

  private readServe(call: TS.CallExpression): void {
    const { ts } = this.project
    const [options] = call.arguments
    if (options !== undefined && ts.isObjectLiteralExpression(options))
      this.add(call, 'every request', true, this.listHandlers(options))
  }

  private add(site: TS.CallExpression, label: string, isRoute: boolean, functions: readonly SourceFunction[]): void {
    this.registrations.add(site)
    for (const fn of new Set(functions)) this.entries.push({ label, isRoute, fn, site })
  }

  /** Functions that a registration names: itself, in arrays, in options such as `{ preHandler: [check] }`, methods of an object. */
  private listHandlers(given: TS.Expression): readonly SourceFunction[] {
    const { ts } = this.project
    const value = skipOuter(ts, given)
    if (ts.isArrayLiteralExpression(value)) return value.elements.flatMap((each) => this.listHandlers(each))
    if (!ts.isObjectLiteralExpression(value)) return this.resolver.resolveValue(value)
    return value.properties.flatMap((each) => {
      if (each.name === undefined || !handlerKeys.test(each.name.getText())) return []
      if (ts.isPropertyAssignment(each)) return this.listHandlers(each.initializer)
      if (ts.isMethodDeclaration(each)) return this.index.functions.get(each) ?? []
      return ts.isShorthandPropertyAssignment(each) ? this.resolver.resolveShorthand(each) : []
    })
  }

  private isApplication(receiver: TS.Expression): boolean {
    return isApplication(this.project, this.index, receiver)
  }

  /** `router.route('/orders')`, also behind `.get(…)`: hono's has two arguments and gives the application. */
  private findRouteCall(expression: TS.Expression): { path: string; receiver: TS.Expression } | undefined {
    const { ts } = this.project
    let at = skipOuter(ts, expression)
    while (ts.isCallExpression(at) && ts.isPropertyAccessExpression(at.expression)) {
      const [path] = at.arguments
      if (at.expression.name.text === 'route' && at.arguments.length === 1 && path !== undefined)
        return { path: this.showPath(path), receiver: at.expression.expression }
      at = skipOuter(ts, at.expression.expression)
    }
    return undefined
  }

  private isPath(value: TS.Expression): boolean {
    const { ts } = this.project
    if (ts.isStringLiteralLike(value)) return !/[\s:]\s|^https?:/.test(value.text)
    if (ts.isArrayLiteralExpression(value)) return value.elements.every((each) => this.isPath(each))
    if (ts.isTemplateExpression(value) || ts.isRegularExpressionLiteral(value) || ts.isBinaryExpression(value))
      return true
    return ts.isIdentifier(value) || ts.isPropertyAccessExpression(value)
  }

  private showPath(value: TS.Expression): string {
    const { ts, checker } = this.project
    if (ts.isStringLiteralLike(value)) return value.text
    if (ts.isArrayLiteralExpression(value)) return value.elements.map((each) => this.showPath(each)).join('|')
    const type =
      ts.isIdentifier(value) || ts.isPropertyAccessExpression(value) ? checker.getTypeAtLocation(value) : undefined
    if (type?.isStringLiteral() === true) return type.value
    const text = value.getText()
    return text.startsWith('`') ? text.slice(1, -1) : text
  }

  private readProperty(object: TS.ObjectLiteralExpression, name: RegExp): TS.Expression | undefined {
    const { ts } = this.project
    for (const each of object.properties) {
      if (each.name === undefined || !name.test(each.name.getText())) continue
      if (ts.isPropertyAssignment(each)) return each.initializer
      if (ts.isShorthandPropertyAssignment(each)) return each.name
      if (ts.isMethodDeclaration(each)) return each.name as TS.Identifier
    }
    return undefined
  }
}
