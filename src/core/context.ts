import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { HeldClient } from './holders.js'

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
  queries: number
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
    requestId: init.requestId ?? randomUUID(),
    route: init.route ?? '(none)',
    status: 200,
    startedAt: performance.now(),
    poolMs: 0,
    sqlMs: 0,
    outboundMs: 0,
    queries: 0,
    watched: undefined,
  }
}

/** Entered only by `run`, never by `enterWith`: the latter leaks a request into whatever the event loop does next. */
export function runWithRequest<T>(request: RequestContext, body: () => T): T {
  return storage.run({ request, held: currentHeld() }, body)
}

/** Work that belongs to no request, however it came to be started. */
export function runOutside<T>(body: () => T): T {
  // Entering the storage turns on Node's promise hooks for the whole process: never for a caller that is in no scope.
  return storage.getStore() === undefined ? body() : storage.run({ request: undefined, held: undefined }, body)
}

export function runWithHeld<T>(held: HeldClient, body: () => T): T {
  return storage.run({ request: currentRequest(), held }, body)
}
