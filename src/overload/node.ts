import { stderrLogger } from '../core/index.js'
import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Enter } from './create-admission.js'
import { sendRefusal } from './refusal.js'
import type { AdmissionRequest, NodeHandler, ShedReason } from './types.js'

/** express and connect keep the whole path here when they shorten `url` for what is mounted. */
type FrameworkRequest = IncomingMessage & { originalUrl?: string }

class NodeRequest implements AdmissionRequest {
  readonly #request: FrameworkRequest

  constructor(request: FrameworkRequest) {
    this.#request = request
  }

  get method(): string {
    return this.#request.method ?? 'GET'
  }

  get path(): string {
    const url = this.#request.originalUrl ?? this.#request.url ?? '/'
    const query = url.indexOf('?')
    return query === -1 ? url : url.slice(0, query)
  }

  get remoteAddress(): string | undefined {
    return this.#request.socket.remoteAddress
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return typeof value === 'string' ? value : value?.[0]
  }
}

/** Has a request of node:http wait. Its place is free when its response has ended or its client has left. */
export function admitRaw(
  enter: Enter,
  request: IncomingMessage,
  response: ServerResponse,
  begin: () => void,
  refuse: (reason: ShedReason) => void,
): void {
  // Its client has left already: nothing would tell of an end.
  if (response.closed) return
  let takeOut: (() => void) | undefined
  // Whoever has waited is called from wherever a place became free: without this it would run as part of that request.
  const scope = { resource: undefined as AsyncResource | undefined }
  takeOut = enter(
    new NodeRequest(request),
    (leave) => {
      // Node closes a response right after it has finished: one listener for both.
      response.once('close', leave)
      run(begin)
    },
    (reason) => run(() => refuse(reason)),
  )
  if (takeOut === undefined) return
  scope.resource = new AsyncResource('holdfast.admission')
  response.once('close', takeOut)

  function run(call: () => void): void {
    if (takeOut) response.off('close', takeOut)
    if (scope.resource) scope.resource.runInAsyncScope(call)
    else call()
  }
}

export function admitNode(enter: Enter, handler: NodeHandler) {
  return function handleRequest(request: IncomingMessage, response: ServerResponse): void {
    admitRaw(
      enter,
      request,
      response,
      () => void runHandler(handler, request, response),
      (reason) => sendRefusal(reason, request, response),
    )
  }
}

async function runHandler(handler: NodeHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await handler(request, response)
  } catch (error) {
    stderrLogger.error({ err: error instanceof Error ? error.stack : String(error) }, 'a request failed')
    // Without an end its place would never be free.
    if (response.headersSent) return void response.destroy()
    response.statusCode = 500
    response.end()
  }
}
