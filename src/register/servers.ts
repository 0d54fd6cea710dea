import { IncomingMessage, Server as HttpServer, type ServerResponse } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { Server } from 'node:net'
import {
  countFirst,
  createRequest,
  currentRequest,
  enterLateness,
  isAdopted,
  leaveLateness,
  offerRequest,
  runWithRequest,
  type RequestContext,
} from '../core/early.js'
import { unmatchedRoute } from '../http/route-label.js'
import { readRequestId } from '../http/request-id.js'
import { readInput } from '../http/request-input.js'
import { labelPath } from './path-label.js'

type RequestSink = (request: RequestContext, ms: number) => void
type Emit = (this: object, ...args: unknown[]) => boolean

/** nginx's number for a client that went away before it had its answer. */
const clientGone = 499
const NO_ROUTE = '(none)'
const contextOf = Symbol('holdfast.request')
const openOf = Symbol('holdfast.open')

interface Incoming extends IncomingMessage {
  [contextOf]?: RequestContext
}

interface Open {
  context: RequestContext
  incoming: IncomingMessage
  lateness: number
}

interface Outgoing extends ServerResponse {
  [openOf]?: Open | undefined
}

/** The request that a message of node's http is about. */
export function findRequest(incoming: IncomingMessage): RequestContext | undefined {
  return (incoming as Incoming)[contextOf]
}

/** Runs each request of each server (http, https, http2) in a context of its own, and tells when it has ended. */
export function observeServers(sink: RequestSink): void {
  const ends = createEnds(sink)
  wrapEmit(Server.prototype, ends)
  // A tracer that came before has one of its own there, which looks no further.
  for (const each of [HttpServer.prototype, HttpsServer.prototype])
    if (Object.hasOwn(each, 'emit')) wrapEmit(each, ends)
  enterFromEvents(IncomingMessage.prototype)
}

function wrapEmit(prototype: Server, ends: Ends): void {
  const owner = prototype as unknown as { emit: Emit }
  const { emit } = owner
  owner.emit = function emitObserved(this: object, ...args: unknown[]) {
    if (args[0] !== 'request' || !isRequest(args)) return emit.apply(this, args)
    const [, incoming, outgoing] = args
    // Handed on from one server to another: it is under way already.
    if (incoming[contextOf]) return emit.apply(this, args)
    const context = open(incoming, outgoing, ends)
    return runWithRequest(context, () => emit.apply(this, args))
  }
}

function isRequest(args: unknown[]): args is ['request', Incoming, Outgoing] {
  const [, incoming, outgoing] = args as [string, Partial<Incoming> | undefined, Partial<Outgoing> | undefined]
  return typeof incoming?.headers === 'object' && typeof incoming.url === 'string' && typeof outgoing?.on === 'function'
}

interface Ends {
  onFinish: (this: Outgoing) => void
  onClose: (this: Outgoing) => void
}

function open(incoming: Incoming, outgoing: Outgoing, { onFinish, onClose }: Ends): RequestContext {
  const context = createRequest({ requestId: readRequestId(incoming.headers['x-request-id']) })
  context.readInput = () => readInput(originalUrl(incoming))
  offerRequest(context)
  incoming[contextOf] = context
  outgoing[openOf] = { context, incoming, lateness: enterLateness() }
  outgoing.on('finish', onFinish)
  outgoing.on('close', onClose)
  if (!(incoming instanceof IncomingMessage)) enterFromEvents(Object.getPrototypeOf(incoming) as object)
  return context
}

function createEnds(sink: RequestSink): Ends {
  const end = (outgoing: Outgoing, isWhole: boolean) => {
    const ended = outgoing[openOf]
    if (ended === undefined) return
    outgoing[openOf] = undefined
    const { context, lateness } = ended
    const ms = performance.now() - context.startedAt
    const loopMs = leaveLateness(lateness)
    context.status = isWhole ? outgoing.statusCode : clientGone
    // Its own middleware hears of the end after this, and counts it where it watches.
    if (isAdopted(context)) return void setImmediate(() => sink(context, ms))
    if (context.route === NO_ROUTE) context.route = nameRoute(ended)
    context.loopMs = loopMs
    context.isFirst = countFirst(context.route)
    sink(context, ms)
  }
  return {
    onFinish() {
      end(this, true)
    },
    onClose() {
      end(this, false)
    },
  }
}

function nameRoute({ context, incoming }: Open): string {
  const { readRoute, status } = context
  try {
    if (readRoute !== undefined) return readRoute() ?? unmatchedRoute
    return status === 404 ? unmatchedRoute : labelPath(incoming.method, originalUrl(incoming))
  } catch {
    return unmatchedRoute
  }
}

/** Frameworks shorten `url` where they mount something. */
function originalUrl(incoming: IncomingMessage & { originalUrl?: unknown }): string {
  return typeof incoming.originalUrl === 'string' ? incoming.originalUrl : (incoming.url ?? '')
}

const entered = new WeakSet<object>()

/** A body arrives in the scope of its socket; whoever listens to it works for the request. */
function enterFromEvents(prototype: object): void {
  if (entered.has(prototype)) return
  entered.add(prototype)
  const owner = prototype as { emit: Emit }
  const { emit } = owner
  owner.emit = function emitInRequest(this: object, ...args: unknown[]) {
    const context = (this as Incoming)[contextOf]
    if (context === undefined || currentRequest() === context) return emit.apply(this, args)
    return runWithRequest(context, () => emit.apply(this, args))
  }
}
