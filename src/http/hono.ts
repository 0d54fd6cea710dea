import { stderrLogger, type RequestContext } from '../core/index.js'
import { setRoute } from './finish.js'
import { readRequestId } from './request-id.js'
import { labelRoute, unmatchedRoute } from './route-label.js'
import type { RequestDb } from './types.js'

/** What we read of hono's context. Structural: hono is no dependency. */
export interface HonoLikeContext {
  readonly req: {
    readonly method: string
    readonly routePath: string
    readonly routeIndex: number
    readonly matchedRoutes: readonly { readonly method: string; readonly path: string }[]
    header(name: string): string | undefined
  }
  readonly res: Response
  readonly env: unknown
  header(name: string, value: string): void
}

interface NodeResponse {
  readonly writableFinished: boolean
  readonly destroyed: boolean
  once(event: 'finish' | 'close', listener: () => void): unknown
}

/**
 * Middleware for hono; use it first. Each request runs in its own context. Under @hono/node-server it is counted when its
 * response has ended, elsewhere when the handlers are done (a streamed body is then not part of its duration).
 */
export function honoContext(db: RequestDb) {
  return function runInContext(c: HonoLikeContext, next: () => Promise<void>): Promise<void> {
    const requestId = readRequestId(c.req.header('x-request-id'))
    // Resolves for hono as soon as the answer is known, while the request counts on until it is sent.
    return new Promise((resolve, reject) => {
      const counted = db.runRequest({ requestId }, async (context) => {
        try {
          await next()
          c.header('x-request-id', requestId)
          describeOutcome(c, context)
        } catch (error) {
          context.status = 500
          reject(error)
          return
        }
        resolve()
        await waitUntilSent(c.env, context)
      })
      counted.catch((error: unknown) => {
        stderrLogger.error({ requestId, err: String(error) }, 'a request could not be counted')
        reject(error)
      })
    })
  }
}

function describeOutcome(c: HonoLikeContext, context: RequestContext): void {
  context.status = c.res.status
  const last = c.req.matchedRoutes[c.req.routeIndex]
  // Middleware matches everything; when it was the last to run and nobody found the thing, no route did.
  const isMiddleware = last === undefined || (last.method === 'ALL' && last.path.endsWith('*'))
  if (isMiddleware && context.status === 404) setRoute(context, unmatchedRoute)
  else setRoute(context, labelRoute(c.req.method, c.req.routePath))
}

/** @hono/node-server passes node's response in `env.outgoing`; other runtimes tell nothing about the end. */
function waitUntilSent(env: unknown, context: RequestContext): Promise<void> {
  const response = readOutgoing(env)
  if (response === undefined || response.writableFinished || response.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    response.once('finish', resolve)
    response.once('close', () => {
      if (!response.writableFinished) context.status = 499
      resolve()
    })
  })
}

function readOutgoing(env: unknown): NodeResponse | undefined {
  if (typeof env !== 'object' || env === null || !('outgoing' in env)) return undefined
  const { outgoing } = env
  const isResponse =
    typeof outgoing === 'object' && outgoing !== null && 'writableFinished' in outgoing && 'once' in outgoing
  return isResponse ? (outgoing as NodeResponse) : undefined
}
