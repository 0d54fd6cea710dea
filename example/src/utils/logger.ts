import { currentRequest } from 'holdfast'
import { pino, type DestinationStream, type Logger } from 'pino'

export type { Logger }

export interface LoggerOptions {
  name: string
  level?: string
  /** Where lines go. Default: stdout. */
  destination?: DestinationStream
}

/**
 * One JSON line per event, each with the id of the request it belongs to: a line that cannot be tied to a request is
 * useless in an incident. Log ids, counts and codes; never a body, an email address or card data.
 */
export function createLogger({ name, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { pid: process.pid },
    mixin: () => {
      const request = currentRequest()
      return request ? { requestId: request.requestId } : {}
    },
    // A net below the rule above: these keys are removed even if someone logs them by mistake.
    redact: { paths: ['email', 'card', 'body', '*.email', '*.card', '*.body', '*.authorization'], remove: true },
  }
  return destination ? pino(options, destination) : pino(options)
}
