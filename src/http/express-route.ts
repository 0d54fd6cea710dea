import type { IncomingMessage } from 'node:http'
import { labelRoute, unmatchedRoute } from './route-label.js'

/** What express adds to a request, as far as we read it. Structural: express is no dependency. */
interface ExpressRequest extends IncomingMessage {
  baseUrl?: string
  route?: { path?: unknown }
  params?: Record<string, unknown>
}

/**
 * express forgets `baseUrl` when an error leaves a router, and keeps it with its values (`/tenants/42`) otherwise. So both
 * are noted when a route is chosen: the base then, and which of its segments were parameters.
 */
export function watchRoute(request: ExpressRequest): () => string {
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
  // A route may be a string, a regular expression, or a list of both.
  const parts: unknown[] = Array.isArray(path) ? path : [path]
  return parts
    .map((part) => (part instanceof RegExp ? part.source : typeof part === 'string' ? part : '(pattern)'))
    .join('|')
}
