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
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  once(event: 'finish' | 'close', listener: () => void): unknown
}

/**
 * Middleware for hono; use it first. Each request runs in its own context. Under @hono/node-server it is counted when its
 * response has ended, elsewhere when the handlers are done (a streamed body is then not part of its duration).
 */
export function honoContext(db: RequestDb) {
  return function runInContext(c: HonoLikeContext, next: () => Promise<void>): Promise<void> {
    const requestId = readRequestId(c.req.header('x-request-id'))
    const outgoing = readOutgoing(c.env)
    // Hono makes a new Response for a header that comes late, and node-server's quick way out is lost: a third of a request.
    if (outgoing?.headersSent === false) outgoing.setHeader('x-request-id', requestId)
    // Resolves for hono as soon as the answer is known, while the request counts on until it is sent.
    return new Promise((resolve, reject) => {
      const counted = db.runRequest({ requestId }, async (context) => {
        try {
          await next()
          if (outgoing === undefined) c.header('x-request-id', requestId)
          describeOutcome(c, context)
        } catch (error) {
          context.status = 500
          reject(error)
          return
        }
        resolve()
        await waitUntilSent(outgoing, context)
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
function waitUntilSent(response: NodeResponse | undefined, context: RequestContext): Promise<void> {
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
