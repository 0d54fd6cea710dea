import { stderrLogger, type RequestContext } from '../core/index.js'
import { setRoute } from './finish.js'
import { readRequestId } from './request-id.js'
import { readInput } from './request-input.js'
import { labelRoute, unmatchedRoute } from './route-label.js'
import type { RequestDb } from './types.js'

/** What we read of hono's context. Structural: hono is no dependency. */
export interface HonoLikeContext {
  readonly req: {
    readonly method: string
    readonly url: string
    readonly routePath: string
    readonly routeIndex: number
    readonly matchedRoutes: readonly { readonly method: string; readonly path: string }[]
    header(name: string): string | undefined
  }
  readonly res: Response
  readonly env: unknown
  header(name: string, value: string): void
}

interface NodeRequest {
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>
}

interface NodeResponse {
  readonly writableFinished: boolean
  readonly destroyed: boolean
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  on(event: 'close', listener: () => void): unknown
}

/**
 * Middleware for hono; use it first. Each request runs in its own context. Under @hono/node-server it is counted when its
 * response has ended, elsewhere when the handlers are done (a streamed body is then not part of its duration).
 */
export function honoContext(db: RequestDb) {
  return function runInContext(c: HonoLikeContext, next: () => Promise<void>): Promise<void> {
    const outgoing = readOutgoing(c.env)
    const requestId = readRequestId(readHeader(c))
    // Hono makes a new Response for a header that comes late, and node-server's quick way out is lost: a third of a request.
    if (outgoing?.headersSent === false) outgoing.setHeader('x-request-id', requestId)
    let answered: Promise<void> | undefined
    // No async function: under a context each promise costs a call of Node's hooks, and each of those makes three.
    const answer = (context: RequestContext, end: () => void) => {
      context.readInput = () => readInput(c.req.url)
      const onAnswer = () => {
        try {
          if (outgoing === undefined) c.header('x-request-id', requestId)
          describeOutcome(c, context)
        } catch (error) {
          onError(error)
        }
        endWhenSent(outgoing, context, end)
      }
      const onError = (error: unknown) => {
        context.status = 500
        end()
        throw error
      }
      answered = next().then(onAnswer, onError)
    }
    const counted = db.runRequest({ requestId }, (context) => new Promise<void>((end) => answer(context, end)))
    counted.catch((error: unknown) =>
      stderrLogger.error({ requestId, err: String(error) }, 'a request could not be counted'),
    )
    // Settles for hono as soon as the answer is known, while the request counts on until it is sent.
    return answered ?? counted
  }
}

function describeOutcome(c: HonoLikeContext, context: RequestContext): void {
  context.status = c.res.status
  const last = c.req.matchedRoutes[c.req.routeIndex]
  // Middleware matches everything; when it was the last to run and nobody found the thing, no route did.
  const isMiddleware = last === undefined || (last.method === 'ALL' && last.path.endsWith('*'))
  if (isMiddleware && context.status === 404) setRoute(context, unmatchedRoute)
  else setRoute(context, labelRoute(c.req.method, last?.path ?? c.req.routePath))
}

/** @hono/node-server passes node's response in `env.outgoing`; other runtimes tell nothing about the end. */
function endWhenSent(response: NodeResponse | undefined, context: RequestContext, end: () => void): void {
  if (response === undefined || response.writableFinished || response.destroyed) return end()
  // Node closes a response right after it has finished; one listener, and none that takes itself off, is cheaper than two.
  response.on('close', () => {
    if (!response.writableFinished) context.status = 499
    end()
  })
}

/** From node's request where there is one: it has them at hand, and a Headers for one of them is made for nothing. */
function readHeader(c: HonoLikeContext): string | readonly string[] | undefined {
  const incoming = (c.env as { incoming?: NodeRequest } | undefined)?.incoming
  return incoming?.headers === undefined ? c.req.header('x-request-id') : incoming.headers['x-request-id']
}

function readOutgoing(env: unknown): NodeResponse | undefined {
  const outgoing = (env as { outgoing?: Partial<NodeResponse> } | null | undefined)?.outgoing
  return typeof outgoing?.on === 'function' ? (outgoing as NodeResponse) : undefined
}
