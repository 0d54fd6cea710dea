import type { ServerResponse } from 'node:http'
import type { RequestContext } from '../core/index.js'
import { ownRoute } from './route-label.js'

/** nginx's number for a client that went away before it had its answer: neither a success nor this service's failure. */
const clientGone = 499

/** Resolves when the response has been handed to the system, or the client has gone. Sets the context's status. */
export function waitForFinish(response: ServerResponse, context: RequestContext): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('finish', settle)
      response.off('close', settle)
      context.status = response.writableFinished ? response.statusCode : clientGone
      resolve()
    }
    response.once('finish', settle)
    response.once('close', settle)
  })
}

/** The dashboard named its own requests already; the router's pattern must not replace that. */
export function setRoute(context: RequestContext, route: string): void {
  if (context.route !== ownRoute) context.route = route
}
