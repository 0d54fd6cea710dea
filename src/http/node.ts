import type { IncomingMessage, ServerResponse } from 'node:http'
import { stderrLogger, type RequestContext } from '../core/index.js'
import { waitForFinish } from './finish.js'
import { sendWebResponse } from './node-bridge.js'
import { toProblem } from './problem.js'
import { readRequestId } from './request-id.js'
import { readInput } from './request-input.js'
import { unmatchedRoute } from './route-label.js'
import type { RequestDb } from './types.js'

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export interface NodeContextOptions {
  /** Names the route of a request, `GET /orders/:id`, never its raw path; undefined when nothing matched. Default: what the handler sets as `currentRequest().route`. */
  routeOf?: (request: IncomingMessage) => string | undefined
}

/** Wraps a node:http handler: each request runs in its own context and is counted when its response has ended. What the handler throws becomes problem+json. */
export function nodeContext(db: RequestDb, handler: NodeHandler, options: NodeContextOptions = {}) {
  return function handleRequest(request: IncomingMessage, response: ServerResponse): void {
    const requestId = readRequestId(request.headers['x-request-id'])
    response.setHeader('x-request-id', requestId)
    const counted = db.runRequest({ requestId }, async (context) => {
      context.readInput = () => readInput(request.url ?? '')
      if (options.routeOf !== undefined) context.route = options.routeOf(request) ?? unmatchedRoute
      const finished = waitForFinish(response, context)
      await runHandler(handler, request, response, context)
      await finished
    })
    counted.catch((error: unknown) =>
      stderrLogger.error({ requestId, err: String(error) }, 'a request could not be counted'),
    )
  }
}

async function runHandler(
  handler: NodeHandler,
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
): Promise<void> {
  try {
    await handler(request, response)
  } catch (error) {
    const { requestId } = context
    stderrLogger.error({ requestId, err: error instanceof Error ? error.stack : String(error) }, 'a request failed')
    // Half a response cannot be taken back; cutting it is how the client learns.
    if (response.headersSent) response.destroy()
    else await sendWebResponse(toProblem(error), request, response)
  }
}
