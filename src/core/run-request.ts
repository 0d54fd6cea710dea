import { adoptRequest, createRequest, runWithRequest, type RequestContext, type RequestInit } from './context.js'
import { countFirst } from './first-requests.js'
import { enterLateness, leaveLateness } from './loop-lateness.js'

/** Runs a request inside its own context, and tells when it has ended and how long it took. @unit ms */
export async function runInRequest<T>(
  init: RequestInit,
  body: (context: RequestContext) => Promise<T>,
  onEnd: (context: RequestContext, ms: number) => void,
): Promise<T> {
  const context = adoptRequest(init) ?? createRequest(init)
  const lateness = enterLateness()
  return await runWithRequest(context, async () => {
    try {
      return await body(context)
    } catch (error) {
      if (context.status < 500) context.status = 500
      throw error
    } finally {
      const ms = performance.now() - context.startedAt
      context.loopMs = leaveLateness(lateness)
      context.isFirst = countFirst(context.route)
      onEnd(context, ms)
    }
  })
}
