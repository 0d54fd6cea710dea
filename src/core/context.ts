import { AsyncLocalStorage } from 'node:async_hooks'
import type { HeldClient } from './holders.js'
import { makeRequestId } from './request-id.js'

export interface RequestInit {
  /** Taken over from a header such as `x-request-id`, or made here. */
  requestId?: string
  /** `GET /orders/:id`; may be set later, when the router knows it. Default: `(none)`. */
  route?: string
}

/** What one request is and what it spent so far. One record per request; read it with `currentRequest()`. */
export interface RequestContext {
  readonly requestId: string
  /** The pattern, not the path, so that a route has one row: `GET /orders/:id`. */
  route: string
  /** HTTP status once known; 500 and above count as errors. */
  status: number
  /** `performance.now()` at the start. */
  readonly startedAt: number
  /** Waited for connections. @unit ms */
  poolMs: number
  /** Waited for statements. @unit ms */
  sqlMs: number
  /** Waited for answers of other HTTP services; several at once add up. @unit ms */
  outboundMs: number
  /** The same by host, at most 50 of a process and `(overflow)`; undefined: nobody was called. @unit ms */
  outboundByHost: Map<string, number> | undefined
  /**
   * The event loop was late by so much while this was under way, for its own work or another's. It overlaps the others: an
   * answer that waits for the loop counts as waited for the database too. Known once it has ended, where somebody watches. @unit ms
   */
  loopMs: number
  /** One of the first of its route in this process: code not compiled, connections and caches not there yet. Known once it has ended. */
  isFirst: boolean
  queries: number
  /** Tells the route when it ends, where a router knows it late; undefined: nobody does, or not this time. */
  readRoute: (() => string | undefined) | undefined
  /** Gives what it brought, as far as whoever opened it knows; it is looked at while it runs, and not kept. */
  readInput: (() => unknown) | undefined
  /** What whoever watches keeps of it; the core does not look at it. */
  watched: unknown
}

/** What the running code works for, and which client it holds. One storage for both: each one costs every promise. */
export interface Scope {
  readonly request: RequestContext | undefined
  readonly held: HeldClient | undefined
}

const storage = new AsyncLocalStorage<Scope>()

/** Both of the following in one look: each is a walk to the resource that runs. */
export function currentScope(): Scope | undefined {
  return storage.getStore()
}

/** The request that the calling code works for, or undefined outside of any. */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore()?.request
}

/** The transaction whose callback the calling code runs in, or undefined outside of any. */
export function currentHeld(): HeldClient | undefined {
  return storage.getStore()?.held
}

export function createRequest(init: RequestInit): RequestContext {
  return {
    requestId: init.requestId ?? makeRequestId(),
    route: init.route ?? '(none)',
    status: 200,
    startedAt: performance.now(),
    poolMs: 0,
    sqlMs: 0,
    outboundMs: 0,
    outboundByHost: undefined,
    loopMs: 0,
    isFirst: false,
    queries: 0,
    readRoute: undefined,
    readInput: undefined,
    watched: undefined,
  }
}

/** Requests that were opened in front of the application, and that its own middleware may take over. */
const offered = new WeakSet<RequestContext>()

/** From now on the first `runRequest` inside this one is about the same request. */
export function offerRequest(request: RequestContext): void {
  offered.add(request)
}

/** The request around the caller, if nobody has taken it over yet. */
export function adoptRequest({ requestId, route }: RequestInit): RequestContext | undefined {
  const request = currentRequest()
  if (request === undefined || !offered.delete(request)) return undefined
  const named = request as { requestId: string }
  if (requestId !== undefined) named.requestId = requestId
  if (route !== undefined) request.route = route
  return request
}

/** Whether its own middleware counts it. */
export function isAdopted(request: RequestContext): boolean {
  return !offered.has(request)
}

type ScopeMark = (request: RequestContext | undefined) => void

let mark: ScopeMark | undefined

/** Is told each time that a request's code begins or ends to run by itself: for a profile, and for a moment. */
export function markRequests(given: ScopeMark): () => void {
  mark = given
  return () => {
    if (mark === given) mark = undefined
  }
}

/** Entered only by `run`, never by `enterWith`: the latter leaks a request into whatever the event loop does next. */
export function runWithRequest<T>(request: RequestContext, body: () => T): T {
  const scope = { request, held: currentHeld() }
  return mark === undefined ? storage.run(scope, body) : runMarked(mark, scope, body)
}

function runMarked<T>(tell: ScopeMark, scope: Scope, body: () => T): T {
  const outer = currentRequest()
  tell(scope.request)
  try {
    return storage.run(scope, body)
  } finally {
    tell(outer)
  }
}

/** Work that belongs to no request, however it came to be started. */
export function runOutside<T>(body: () => T): T {
  // Entering the storage turns on Node's promise hooks for the whole process: never for a caller that is in no scope.
  return storage.getStore() === undefined ? body() : storage.run({ request: undefined, held: undefined }, body)
}

export function runWithHeld<T>(held: HeldClient, body: () => T): T {
  return storage.run({ request: currentRequest(), held }, body)
}

/** A callback that somebody else calls, such as whoever gave a connection back: it goes on in the scope it was made in. */
export function bindScope<Args extends unknown[]>(callback: (...args: Args) => void): (...args: Args) => void {
  const scope = storage.getStore()
  return function bound(this: unknown, ...args: Args): void {
    if (storage.getStore() === scope) return callback.apply(this, args)
    storage.run(scope as Scope, () => callback.apply(this, args))
  }
}
