import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Enter } from './create-admission.js'
import { closeIfUnread, renderRefusal } from './refusal.js'
import type { AdmissionRequest, HonoContextLike, ShedReason } from './types.js'

/** @hono/node-server passes node's objects here; other runtimes have none. */
interface NodeBindings {
  incoming?: IncomingMessage
  outgoing?: ServerResponse
}

class HonoRequest implements AdmissionRequest {
  readonly #c: HonoContextLike

  constructor(c: HonoContextLike) {
    this.#c = c
  }

  get method(): string {
    return this.#c.req.method
  }

  get path(): string {
    return this.#c.req.path
  }

  get remoteAddress(): string | undefined {
    return readBindings(this.#c).incoming?.socket.remoteAddress
  }

  header(name: string): string | undefined {
    return this.#c.req.header(name)
  }
}

type Turn = { leave: () => void } | { reason: ShedReason }

export function admitHono(enter: Enter) {
  return async function admit(c: HonoContextLike, next: () => Promise<void>): Promise<Response | void> {
    const { incoming, outgoing } = readBindings(c)
    let turn: Turn | undefined
    let wake: (() => void) | undefined
    const settle = (given: Turn) => {
      turn = given
      wake?.()
    }
    const takeOut = enter(
      new HonoRequest(c),
      (leave) => settle({ leave }),
      (reason) => settle({ reason }),
    )
    if (turn === undefined) {
      // Who leaves while it waits is answered for nobody: the promise must settle all the same.
      const abandon = () => {
        takeOut?.()
        settle({ reason: 'timeout' })
      }
      const signal = outgoing ? undefined : c.req.raw.signal
      outgoing?.once('close', abandon)
      signal?.addEventListener('abort', abandon)
      await new Promise<void>((resolve) => (wake = resolve))
      outgoing?.off('close', abandon)
      signal?.removeEventListener('abort', abandon)
    }
    const given = turn as unknown as Turn
    if ('reason' in given) return refuse(given.reason, incoming)
    outgoing?.once('close', given.leave)
    try {
      await next()
    } finally {
      // Elsewhere than on node nothing tells when a body has been sent.
      if (outgoing === undefined || outgoing.destroyed) given.leave()
    }
  }
}

function refuse(reason: ShedReason, incoming: IncomingMessage | undefined): Response {
  const { status, headers, body } = renderRefusal(reason)
  if (incoming) closeIfUnread(incoming, headers)
  return new Response(body, { status, headers })
}

function readBindings({ env }: HonoContextLike): NodeBindings {
  const bindings = env as NodeBindings | null | undefined
  return typeof bindings?.outgoing?.once === 'function' ? bindings : {}
}
