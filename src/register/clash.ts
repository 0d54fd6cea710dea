import { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { Server } from 'node:net'
import { Agent } from '../clash/app/agent.js'
import { sideHeader } from '../clash/app/protocol.js'
import { bindPool, hookClient } from '../clash/replay/gate.js'
import { hookQuery } from '../clash/replay/gate-postgres-js.js'
import { findSidesBy, type GateSide } from '../clash/replay/side.js'
import { currentRequest, type RequestContext } from '../core/early.js'
import { observeModules, type Meetings } from './modules.js'
import { observeServers } from './servers.js'

type Emit = (this: object, ...args: unknown[]) => boolean

/** Instead of watching: the statements of a replay's requests stop in front of the drivers until the replay lets them go. */
export function installClash(port: number, token: string): void {
  const agent = new Agent(port, token)
  const sides = new WeakMap<RequestContext, GateSide>()
  observeModules(createMeetings())
  // Below the one that opens the request, so that there is one already.
  for (const each of [Server.prototype, HttpServer.prototype, HttpsServer.prototype])
    if (each === Server.prototype || Object.hasOwn(each, 'emit')) readSides(each, agent, sides)
  observeServers(() => {})
  findSidesBy(() => {
    const request = currentRequest()
    return request && sides.get(request)
  })
}

function createMeetings(): Meetings {
  return new Map<string, (exports: never) => unknown>([
    [
      'pg/lib/client.js',
      ({ prototype }: { prototype: Parameters<typeof hookClient>[0] }) => void hookClient(prototype),
    ],
    ['pg-pool/index.js', ({ prototype }: { prototype: Parameters<typeof bindPool>[0] }) => void bindPool(prototype)],
    ...['postgres/src/index.js', 'postgres/cjs/src/query.js'].map(
      (tail) =>
        [
          tail,
          ({ Query }: { Query?: { prototype: Parameters<typeof hookQuery>[0] } }) =>
            void (Query && hookQuery(Query.prototype)),
        ] as const,
    ),
  ])
}

function readSides(prototype: object, agent: Agent, sides: WeakMap<RequestContext, GateSide>): void {
  const owner = prototype as { emit: Emit }
  const { emit } = owner
  owner.emit = function emitWithSide(this: object, ...args: unknown[]) {
    if (args[0] === 'listening') {
      const address = (this as Server).address()
      if (typeof address === 'object' && address !== null) agent.tellListening(address.port)
    }
    const header = args[0] === 'request' ? readHeader(args[1]) : undefined
    const request = header === undefined ? undefined : currentRequest()
    if (request && header !== undefined && !sides.has(request)) sides.set(request, agent.openSide(header))
    return emit.apply(this, args)
  }
}

function readHeader(incoming: unknown): string | undefined {
  const header = (incoming as { headers?: Record<string, unknown> } | undefined)?.headers?.[sideHeader]
  return typeof header === 'string' ? header : undefined
}
