import { adoptRequest, createRequest, runWithRequest, type RequestContext, type RequestInit } from './context.js'
import { countFirst } from './first-requests.js'
import { enterLateness, leaveLateness } from './loop-lateness.js'

/**
 * Runs a request inside its own context, and tells when it has ended and how long it took. No async function: under a
 * context each promise costs a call of Node's hooks, and each of those makes three. @unit ms
 */
export function runInRequest<T>(
  init: RequestInit,
  body: (context: RequestContext) => Promise<T>,
  onEnd: (context: RequestContext, ms: number) => void,
): Promise<T> {
  const context = adoptRequest(init) ?? createRequest(init)
  const lateness = enterLateness()
  const end = () => {
    const ms = performance.now() - context.startedAt
    context.loopMs = leaveLateness(lateness)
    context.isFirst = countFirst(context.route)
    onEnd(context, ms)
  }
  return startBody(context, body).then(
    (result) => {
      end()
      return result
    },
    (error: unknown) => {
      if (context.status < 500) context.status = 500
      end()
      throw error
    },
  )
}

function startBody<T>(context: RequestContext, body: (context: RequestContext) => Promise<T>): Promise<T> {
  try {
    return runWithRequest(context, () => body(context))
  } catch (error) {
    return Promise.reject(error)
  }
}
