import { bindScope, currentRequest, isOwnCall } from '../core/early.js'
import { beginHold } from './blocking/pool-holds.js'
import { captureSite, noteCheckout } from './clash/site.js'

export type ConnectFunction = (...args: unknown[]) => unknown

/**
 * Calls `connect` of a pool of node-postgres, counts what the request waited, and brings the caller's scope back: a
 * callback that waited is called by whoever gave the connection back, in the request of that one.
 */
export function callCheckout(pool: object, connect: ConnectFunction, args: unknown[]): unknown {
  const request = currentRequest()
  const isOwn = isOwnCall()
  const startedAt = performance.now()
  const site = captureSite()
  const begin = (client: unknown) => {
    // The core counts what it waited itself.
    if (request && !isOwn) request.poolMs += performance.now() - startedAt
    if (typeof client !== 'object' || client === null) return
    beginHold(client, request)
    noteCheckout(client, site)
  }
  const [callback] = args
  if (typeof callback === 'function') {
    const counted = (...answer: unknown[]) => {
      begin(answer[1])
      callback(...answer)
    }
    return connect.apply(pool, [bindScope(counted)])
  }
  const answer = connect.apply(pool, args)
  return request !== undefined && answer instanceof Promise ? passOn(answer, begin) : answer
}

function passOn(checkout: Promise<unknown>, begin: (client: unknown) => void): Promise<unknown> {
  return checkout.then(
    (client) => {
      begin(client)
      return client
    },
    (error: unknown) => {
      begin(undefined)
      throw error
    },
  )
}
