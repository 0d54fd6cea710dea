import { stderrLogger } from '../core/index.js'
import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setRoute, waitForFinish } from './finish.js'
import { readRequestId } from './request-id.js'
import { readInput } from './request-input.js'
import { labelRoute, unmatchedRoute } from './route-label.js'
import type { RequestDb } from './types.js'

/** What we read of fastify's objects. Structural: fastify is no dependency. */
interface FastifyRequestLike {
  raw: IncomingMessage
  routeOptions: { url?: string | undefined }
}

interface FastifyReplyLike {
  raw: ServerResponse
  header(name: string, value: string): unknown
}

type Hook = (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void

interface FastifyLike {
  addHook(name: 'onRequest' | 'preValidation', hook: Hook): unknown
}

/** A plugin for fastify 4 and 5: `app.register(fastifyContext(db))`. Each request runs in its own context and is counted when its response has ended. */
export function fastifyContext(db: RequestDb) {
  const scopes = new WeakMap<FastifyRequestLike, AsyncResource>()

  const enter: Hook = (request, reply, done) => {
    const requestId = readRequestId(request.raw.headers['x-request-id'])
    reply.header('x-request-id', requestId)
    // Also on the raw response: after reply.hijack() fastify's own headers are never sent.
    reply.raw.setHeader('x-request-id', requestId)
    const counted = db.runRequest({ requestId, route: describeRoute(request) }, async (context) => {
      context.readInput = () => readInput(request.raw.url ?? '')
      scopes.set(request, new AsyncResource('holdfast.request'))
      const finished = waitForFinish(reply.raw, context)
      done()
      await finished
      setRoute(context, describeRoute(request))
    })
    counted.catch((error: unknown) =>
      stderrLogger.error({ requestId, err: String(error) }, 'a request could not be counted'),
    )
  }

  // A parsed body comes back in the socket's context, not in ours; without this every POST handler would run outside.
  const enterAgain: Hook = (request, _reply, done) => {
    const scope = scopes.get(request)
    if (scope === undefined) done()
    else scope.runInAsyncScope(done)
  }

  function plugin(app: FastifyLike, _options: unknown, done: () => void): void {
    app.addHook('onRequest', enter)
    app.addHook('preValidation', enterAgain)
    done()
  }

  // Without this fastify would keep the hooks to routes inside the plugin, of which there are none.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

function describeRoute(request: FastifyRequestLike): string {
  const { url } = request.routeOptions
  return url === undefined ? unmatchedRoute : labelRoute(request.raw.method, url)
}
