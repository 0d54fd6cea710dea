import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import { currentHeld, currentRequest, type RequestContext } from './context.js'
import type { HeldClient, Holders } from './holders.js'

interface Outbound {
  request: RequestContext | undefined
  held: HeldClient | undefined
  startedAt: number
}

/**
 * Counts the HTTP requests that a request, or a transaction's callback, has in flight: through undici (fetch) and
 * node:http. A transaction that awaits an answer from elsewhere stands still too, but not because of the pool.
 */
export function watchOutbound(book: Holders): () => void {
  const open = new WeakMap<object, Outbound>()
  const start = (message: unknown) => {
    const [request, held] = [currentRequest(), currentHeld()]
    if (request === undefined && held === undefined) return undefined
    const key = readRequest(message)
    open.set(key, { request, held: held?.book === book ? held : undefined, startedAt: performance.now() })
    if (held?.book === book) held.outbound++
    return key
  }
  const end = (key: object) => {
    const outbound = open.get(key)
    if (outbound === undefined) return
    open.delete(key)
    if (outbound.held) outbound.held.outbound--
    if (outbound.held) outbound.held.progress++
    if (outbound.request) outbound.request.outboundMs += performance.now() - outbound.startedAt
  }
  const onUndiciStart = (message: unknown) => void start(message)
  const onUndiciEnd = (message: unknown) => end(readRequest(message))
  const onHttpStart = (message: unknown) => {
    const key = start(message)
    if (key) (key as ClientRequest).once('close', () => end(key))
  }
  const handlers = [
    ['undici:request:create', onUndiciStart],
    ['undici:request:trailers', onUndiciEnd],
    ['undici:request:error', onUndiciEnd],
    ['http.client.request.start', onHttpStart],
  ] as const
  for (const [channel, handler] of handlers) subscribe(channel, handler)
  return () => {
    for (const [channel, handler] of handlers) unsubscribe(channel, handler)
  }
}

function readRequest(message: unknown): object {
  return (message as { request: object }).request
}
