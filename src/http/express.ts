import type { IncomingMessage, ServerResponse } from 'node:http'
import { defaultLogger } from './default-logger.js'
import { setRoute, waitForFinish } from './finish.js'
import { readRequestId } from './request-id.js'
import { labelRoute, unmatchedRoute } from './route-label.js'
import type { RequestDb } from './types.js'

/** What express adds to a request, as far as we read it. Structural: express is no dependency. */
interface ExpressRequest extends IncomingMessage {
  baseUrl?: string
  route?: { path?: unknown }
  params?: Record<string, unknown>
}

/** Middleware for express 4 and 5; mount it first. Each request runs in its own context and is counted when its response has ended. */
export function expressContext(db: RequestDb) {
  return function runInContext(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const requestId = readRequestId(request.headers['x-request-id'])
    response.setHeader('x-request-id', requestId)
    const readRoute = watchRoute(request)
    const counted = db.runRequest({ requestId }, async (context) => {
      const finished = waitForFinish(response, context)
      next()
      await finished
      setRoute(context, readRoute())
    })
    counted.catch((error: unknown) =>
      defaultLogger.error({ requestId, err: String(error) }, 'a request could not be counted'),
    )
  }
}

/**
 * express forgets `baseUrl` when an error leaves a router, and keeps it with its values (`/tenants/42`) otherwise. So both
 * are noted when a route is chosen: the base then, and which of its segments were parameters.
 */
function watchRoute(request: ExpressRequest): () => string {
  const names = new Map<string, string>()
  let base = ''
  let path: string | undefined
  watchProperty(request, 'params', (params) => noteNames(params, names))
  watchProperty(request, 'route', (route) => {
    base = request.baseUrl ?? ''
    path = describePath(route?.path)
  })
  return () => {
    if (path === undefined) return unmatchedRoute
    const joined = `${maskValues(base, names)}${path === '/' && base !== '' ? '' : path}`
    return labelRoute(request.method, joined === '' ? '/' : joined)
  }
}

function watchProperty<Name extends 'params' | 'route'>(
  request: ExpressRequest,
  name: Name,
  onSet: (value: ExpressRequest[Name]) => void,
): void {
  let current = request[name]
  Object.defineProperty(request, name, {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (value: ExpressRequest[Name]) => {
      current = value
      onSet(value)
    },
  })
}

function noteNames(params: ExpressRequest['params'], names: Map<string, string>): void {
  for (const [name, value] of Object.entries(params ?? {})) {
    if (typeof value === 'string' && !names.has(value)) names.set(value, name)
  }
}

/** In lower case, because routers match so: `/API` must not be a second route. */
function maskValues(base: string, names: ReadonlyMap<string, string>): string {
  const segments = base.split('/').map((segment) => {
    const name = names.get(decodeQuietly(segment))
    return name === undefined ? segment.toLowerCase() : `:${name}`
  })
  return segments.join('/')
}

function decodeQuietly(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function describePath(path: unknown): string | undefined {
  if (path === undefined) return undefined
  if (Array.isArray(path)) return path.map((part) => describePath(part) ?? '').join('|')
  return typeof path === 'string' || path instanceof RegExp ? String(path) : '(pattern)'
}
