import { isHoldfastError, type Db } from '../core/index.js'
import { inspectWatch } from '../watch/index.js'
import type { LatencyDocument } from './contract.js'
import { httpError } from './errors.js'
import type { ObservedDb } from './types.js'

const mostRouteChars = 300
const mostRoutes = 100
const windows = { '15m': 900_000, '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000 } as const

const empty = { routes: [], statements: null }

export async function readLatency(db: ObservedDb, request: Request): Promise<LatencyDocument> {
  const query = new URL(request.url).searchParams
  const [windowMs, route] = [readWindow(query), readRoute(query)]
  if (!canAsk(db)) {
    const sentence = 'createHttp was given a database that it cannot ask, so there is nothing to show here.'
    return refuse(sentence, 'Pass what connect() gave you: `createHttp(db)`.')
  }
  const inspector = inspectWatch(db)
  try {
    const [overview, statements] = await Promise.all([
      inspector.overview({ windowMs, limit: mostRoutes }),
      route === undefined ? null : inspector.statements({ windowMs, route }),
    ])
    return { isConnected: true, ...overview, statements }
  } catch (error) {
    if (!isHoldfastError(error, 'HF_WATCH_NOT_INSTALLED')) throw error
    return refuse(error.message, error.fix)
  }
}

function refuse(sentence: string, fix: string): LatencyDocument {
  return { isConnected: false, verdict: { severity: 'watch', sentence, fix, also: [] }, ...empty }
}

export function canAsk(db: ObservedDb): db is ObservedDb & Pick<Db, 'query'> {
  return typeof db.query === 'function'
}

export function readWindow(query: URLSearchParams, fallback: keyof typeof windows = '1h'): number {
  const given = query.get('window') ?? fallback
  if (Object.hasOwn(windows, given)) return windows[given as keyof typeof windows]
  throw httpError('HF_HTTP_PARAMETER', `\`window\` is one of ${Object.keys(windows).join(', ')}.`)
}

export function readRoute(query: URLSearchParams): string | undefined {
  const route = query.get('route') ?? ''
  if (route.length > mostRouteChars || route.includes('\0'))
    throw httpError('HF_HTTP_PARAMETER', '`route` is no route.')
  return route === '' ? undefined : route
}
