import type { LatencyDocument } from './contract.js'
import { httpError } from './errors.js'
import type { ObservedDb } from './types.js'
import { readWatched, readWindow } from './watch-api.js'

const mostRouteChars = 300
const mostRoutes = 100

type Shown = Pick<LatencyDocument, 'routes' | 'statements' | 'services'>

export async function readLatency(db: ObservedDb, request: Request): Promise<LatencyDocument> {
  const query = new URL(request.url).searchParams
  const [windowMs, route] = [readWindow(query), readRoute(query)]
  return await readWatched<Shown>(db, { routes: [], statements: null, services: null }, async (inspector) => {
    const [overview, statements, services] = await Promise.all([
      inspector.overview({ windowMs, limit: mostRoutes }),
      route === undefined ? null : inspector.statements({ windowMs, route }),
      route === undefined ? null : inspector.services({ windowMs, route }),
    ])
    return { ...overview, statements, services }
  })
}

export function readRoute(query: URLSearchParams): string | undefined {
  const route = query.get('route') ?? ''
  if (route.length > mostRouteChars || route.includes('\0'))
    throw httpError('HF_HTTP_PARAMETER', '`route` is no route.')
  return route === '' ? undefined : route
}
