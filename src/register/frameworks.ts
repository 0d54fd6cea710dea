import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { currentRequest } from '../core/early.js'
import { watchRoute } from '../http/express-route.js'
import { labelRoute } from '../http/route-label.js'
import { findRequest } from './servers.js'

interface ExpressApplication {
  handle: (this: unknown, request: IncomingMessage, ...rest: unknown[]) => unknown
}

/** express 4 and 5. A router that another one mounts goes through here again: the first knows the whole path. */
export function meetExpress(application: ExpressApplication): void {
  const { handle } = application
  application.handle = function handleObserved(this: unknown, request: IncomingMessage, ...rest: unknown[]) {
    const context = findRequest(request)
    if (context && context.readRoute === undefined) context.readRoute = watchRoute(request)
    return handle.call(this, request, ...rest)
  }
}

interface KoaContext {
  method: string
  /** Set by @koa/router and koa-router. */
  _matchedRoute?: unknown
}

interface KoaApplication {
  prototype: { createContext: (this: unknown, request: IncomingMessage, ...rest: unknown[]) => KoaContext }
}

export function meetKoa({ prototype }: KoaApplication): void {
  const { createContext } = prototype
  prototype.createContext = function createObserved(this: unknown, request: IncomingMessage, ...rest: unknown[]) {
    const made = createContext.call(this, request, ...rest)
    const context = findRequest(request)
    if (context) context.readRoute = () => readKoaRoute(request, made)
    return made
  }
}

function readKoaRoute(request: IncomingMessage, { _matchedRoute: matched }: KoaContext): string | undefined {
  if (typeof matched === 'string') return labelRoute(request.method, matched)
  return matched instanceof RegExp ? labelRoute(request.method, matched.source) : undefined
}

interface FastifyRequest {
  raw: IncomingMessage
  routeOptions?: { url?: string | undefined }
}

interface Fastify {
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: unknown, done: () => void) => void): unknown
}

/** fastify tells of each instance itself (4 and 5). */
export function observeFastify(): void {
  subscribe('fastify.initialization', (message) => {
    const { fastify } = message as { fastify: Fastify }
    fastify.addHook('onRequest', (request, _reply, done) => {
      const context = findRequest(request.raw)
      if (context) context.readRoute = () => readFastifyRoute(request)
      done()
    })
  })
}

function readFastifyRoute({ raw, routeOptions }: FastifyRequest): string | undefined {
  return routeOptions?.url === undefined ? undefined : labelRoute(raw.method, routeOptions.url)
}

interface HonoRoute {
  method: string
  path: string
}

interface HonoContext {
  req: { method: string }
  res?: { status: number }
}

type HonoHandler = (context: HonoContext, ...rest: unknown[]) => unknown

interface HonoRouter {
  prototype: { add: (this: unknown, method: string, path: string, handler: unknown) => unknown }
}

const wrapped = new WeakSet<object>()

/** A router of hono holds pairs of a handler and its route. Whichever of a request began last is its route's. */
export function meetHonoRouter({ prototype }: HonoRouter): void {
  const { add } = prototype
  prototype.add = function addObserved(this: unknown, method: string, path: string, handler: unknown) {
    return add.call(this, method, path, isPair(handler) ? wrapPair(handler) : handler)
  }
}

function isPair(handler: unknown): handler is [HonoHandler, HonoRoute] {
  if (!Array.isArray(handler) || handler.length !== 2 || wrapped.has(handler)) return false
  const [body, route] = handler as [unknown, Partial<HonoRoute> | null]
  return typeof body === 'function' && typeof route?.path === 'string'
}

function wrapPair([handler, route]: [HonoHandler, HonoRoute]): [HonoHandler, HonoRoute] {
  const isMiddleware = route.method === 'ALL' && route.path.endsWith('*')
  const observed: HonoHandler = function observed(this: unknown, context, ...rest) {
    const request = currentRequest()
    if (request) request.readRoute = () => readHonoRoute(context.req.method, route, isMiddleware, request.status)
    return handler.call(this, context, ...rest)
  }
  const pair: [HonoHandler, HonoRoute] = [observed, route]
  wrapped.add(pair)
  return pair
}

/** Middleware matches everything: where it was the last to run and nothing was found, no route did. */
function readHonoRoute(method: string, { path }: HonoRoute, isMiddleware: boolean, status: number) {
  return isMiddleware && status === 404 ? undefined : labelRoute(method, path)
}
