import { stderrLogger } from '../core/index.js'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { watchRoute } from './express-route.js'
import { setRoute, waitForFinish } from './finish.js'
import { readRequestId } from './request-id.js'
import { readInput } from './request-input.js'
import type { RequestDb } from './types.js'

/** Middleware for express 4 and 5; mount it first. Each request runs in its own context and is counted when its response has ended. */
export function expressContext(db: RequestDb) {
  return function runInContext(
    request: IncomingMessage & { originalUrl?: string },
    response: ServerResponse,
    next: () => void,
  ): void {
    const requestId = readRequestId(request.headers['x-request-id'])
    response.setHeader('x-request-id', requestId)
    const readRoute = watchRoute(request)
    const counted = db.runRequest({ requestId }, async (context) => {
      context.readInput = () => readInput(request.originalUrl ?? request.url ?? '')
      const finished = waitForFinish(response, context)
      next()
      await finished
      setRoute(context, readRoute())
    })
    counted.catch((error: unknown) =>
      stderrLogger.error({ requestId, err: String(error) }, 'a request could not be counted'),
    )
  }
}
