import type { Second } from '../../src/http/contract'

/** A second that a blocked loop stretched holds the requests of several. */
export function requestsPerSecond(second: Second): number {
  return perSecond(second, second.requests)
}

export function errorsPerSecond(second: Second): number {
  return perSecond(second, second.errors)
}

export function shareOfErrors(second: Second): number {
  return second.requests === 0 ? 0 : second.errors / second.requests
}

function perSecond(second: Second, count: number): number {
  return (count * 1000) / Math.max(second.spanMs, 1000)
}
