import type { Enter } from './create-admission.js'
import { admitRaw } from './node.js'
import { closeIfUnread, renderRefusal } from './refusal.js'
import type { FastifyLike, FastifyReplyLike, FastifyRequestLike, ShedReason } from './types.js'

export function admitFastify(enter: Enter) {
  function plugin(app: FastifyLike, _options: unknown, done: () => void): void {
    app.addHook('onRequest', (request, reply, next) => {
      admitRaw(enter, request.raw, reply.raw, next, (reason) => refuse(reason, request, reply))
    })
    done()
  }
  // Without this fastify would keep the hook to routes inside the plugin, of which there are none.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

/** By fastify's own way, so that what others add to every answer (CORS) is there too: without it a browser hides the 503. */
function refuse(reason: ShedReason, request: FastifyRequestLike, reply: FastifyReplyLike): void {
  if (reply.raw.headersSent || reply.raw.destroyed) return
  const { status, headers, body } = renderRefusal(reason)
  closeIfUnread(request.raw, headers)
  reply.code(status).headers(headers).send(body)
}
