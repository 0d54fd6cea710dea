import { bindScope, currentRequest, isOwnCall } from '../core/early.js'

export type ConnectFunction = (...args: unknown[]) => unknown

/**
 * Calls `connect` of a pool of node-postgres, counts what the request waited, and brings the caller's scope back: a
 * callback that waited is called by whoever gave the connection back, in the request of that one.
 */
export function callCheckout(pool: object, connect: ConnectFunction, args: unknown[]): unknown {
  const request = isOwnCall() ? undefined : currentRequest()
  const startedAt = performance.now()
  const count = () => {
    if (request) request.poolMs += performance.now() - startedAt
  }
  const [callback] = args
  if (typeof callback === 'function') {
    const counted = (...answer: unknown[]) => {
      count()
      callback(...answer)
    }
    return connect.apply(pool, [bindScope(counted)])
  }
  const answer = connect.apply(pool, args)
  return request !== undefined && answer instanceof Promise ? answer.finally(count) : answer
}
