/** @module What may be loaded before the application is: nothing here loads a driver, which tracers must see loaded after them. */

export {
  bindScope,
  createRequest,
  currentRequest,
  isAdopted,
  markRequests,
  offerRequest,
  runOutside,
  runWithRequest,
  type RequestContext,
  type RequestInit,
} from './context.js'
export { countFirst } from './first-requests.js'
export { stderrLogger } from './logger.js'
export { enterLateness, hearBeats, hearSteps, leaveLateness } from './loop-lateness.js'
export { watchOutbound } from './outbound.js'
export { isOwnCall } from './own-call.js'
export { makeRequestId } from './request-id.js'
export { OVERFLOW_ROUTE } from './route-book.js'
export { runInRequest } from './run-request.js'
