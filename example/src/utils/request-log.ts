import type { MiddlewareHandler } from 'hono'
import { isHoldfastError } from 'holdfast'
import { BoxError } from './errors.js'
import type { Logger } from './logger.js'

/** One line per request: method, path without its query, status and time. Never what was sent. */
export function logRequests(logger: Logger): MiddlewareHandler {
  return async (c, next) => {
    const startedAt = performance.now()
    await next()
    const ms = Math.round((performance.now() - startedAt) * 10) / 10
    logger.info({ method: c.req.method, path: c.req.path, status: c.res.status, ms }, 'request')
  }
}

/** Logs what nobody expected. A refusal is an answer: its status in the request's line says enough. */
export function logFailure(logger: Logger, error: unknown): void {
  if (error instanceof BoxError || (isHoldfastError(error) && error.status < 500)) return
  const { name, stack } = error instanceof Error ? error : new Error('not an Error')
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  // Frames only, not the message: a driver's message can quote the values of a row.
  const at = stack
    ?.split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 3)
  logger.error({ name, code, at }, 'request failed')
}
