import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import { currentHeld, currentRequest, type RequestContext } from './context.js'
import type { HeldClient, Holders } from './holders.js'
import { OVERFLOW_ROUTE } from './route-book.js'

/** Hosts that are told apart; an application that calls its customers' hosts has no end of them. */
const MOST_HOSTS = 50

interface Outbound {
  request: RequestContext | undefined
  held: HeldClient | undefined
  startedAt: number
}

const open = new WeakMap<object, Outbound>()
/** Of whoever watches. One subscription for all of them, or a request's time would be counted once for each. */
const books = new Set<Holders>()
let watchers = 0

const handlers = [
  ['undici:request:create', (message: unknown) => void start(readRequest(message))],
  ['undici:request:trailers', (message: unknown) => end(readRequest(message), readOrigin)],
  ['undici:request:error', (message: unknown) => end(readRequest(message), readOrigin)],
  ['http.client.request.start', (message: unknown) => followClientRequest(readRequest(message) as ClientRequest)],
] as const

/**
 * Counts the HTTP requests that a request, or a transaction's callback, has in flight: through undici (fetch) and
 * node:http. A transaction that awaits an answer from elsewhere stands still too, but not because of the pool.
 */
export function watchOutbound(book?: Holders): () => void {
  if (book) books.add(book)
  if (watchers++ === 0) for (const [channel, handler] of handlers) subscribe(channel, handler)
  return () => {
    if (book) books.delete(book)
    if (--watchers === 0) for (const [channel, handler] of handlers) unsubscribe(channel, handler)
  }
}

function start(key: object): boolean {
  const [request, held] = [currentRequest(), currentHeld()]
  if (request === undefined && held === undefined) return false
  const isWatched = held !== undefined && books.has(held.book)
  open.set(key, { request, held: isWatched ? held : undefined, startedAt: performance.now() })
  if (isWatched) held.outbound++
  return true
}

function end(key: object, readHost: (key: object) => string): void {
  const outbound = open.get(key)
  if (outbound === undefined) return
  open.delete(key)
  const { held, request, startedAt } = outbound
  if (held) held.outbound--
  if (held) held.progress++
  if (request) addOutbound(request, nameHost(readHost(key)), performance.now() - startedAt)
}

function addOutbound(request: RequestContext, host: string, ms: number): void {
  request.outboundMs += ms
  request.outboundByHost ??= new Map()
  request.outboundByHost.set(host, (request.outboundByHost.get(host) ?? 0) + ms)
}

function followClientRequest(request: ClientRequest): void {
  if (start(request)) request.once('close', () => end(request, () => request.host))
}

const hosts = new Set<string>()

function nameHost(host: string): string {
  if (hosts.has(host)) return host
  if (hosts.size >= MOST_HOSTS) return OVERFLOW_ROUTE
  hosts.add(host)
  return host
}

/** The name alone: neither path nor credentials. */
function readOrigin(key: object): string {
  const { origin } = key as { origin?: string | URL }
  return URL.canParse(String(origin)) ? new URL(String(origin)).hostname : '(unknown)'
}

function readRequest(message: unknown): object {
  return (message as { request: object }).request
}
