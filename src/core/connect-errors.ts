import { coreError } from './error-table.js'
import { isHoldfastError } from './errors.js'
import { readSqlstate } from './sqlstate.js'

/** Host and port for messages; never user, password or the URL itself. */
export interface Target {
  host: string
  port: number
  database: string
  user: string
  connectMs: number
}

/** Turns what the driver throws while connecting into one of ours; errors of ours pass through. */
export function describeConnectError(error: unknown, target: Target): unknown {
  if (isHoldfastError(error)) return error
  const where = `${target.host}:${target.port}`
  return describeServerRefusal(error, target, where) ?? describeSocketError(error, target, where)
}

function describeServerRefusal(cause: unknown, target: Target, where: string) {
  switch (readSqlstate(cause)) {
    case '28P01':
    case '28000':
      return coreError('HF_CONNECT_LOGIN', `The server at ${where} refused the login of user "${target.user}".`, {
        cause,
      })
    case '3D000':
      return coreError('HF_CONNECT_DATABASE_UNKNOWN', `The server at ${where} has no database "${target.database}".`, {
        cause,
      })
    case '53300':
      return coreError('HF_CONNECT_TOO_MANY', `The server at ${where} has no connection left.`, { cause })
    case '57P03':
      return coreError('HF_CONNECT_NOT_READY', `The server at ${where} does not accept connections yet.`, { cause })
    default:
      return undefined
  }
}

function describeSocketError(cause: unknown, target: Target, where: string) {
  const { code, message } = readErrorFields(cause)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return coreError('HF_CONNECT_HOST_UNKNOWN', `The host name "${target.host}" cannot be resolved (${code}).`, {
      cause,
    })
  }
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'ENOENT') {
    return coreError('HF_CONNECT_REFUSED', `Nothing accepts connections at ${where} (${code}).`, { cause })
  }
  if (/timeout/i.test(message) || code === 'ETIMEDOUT') {
    return coreError('HF_CONNECT_TIMEOUT', `No connection to ${where} within ${target.connectMs} ms.`, { cause })
  }
  // The driver refuses a missing password itself, before the server can.
  if (/password/i.test(message)) {
    return coreError('HF_CONNECT_LOGIN', `The server at ${where} wants a password for user "${target.user}".`, {
      cause,
    })
  }
  return coreError('HF_CONNECT_FAILED', `The connection to ${where} failed${code ? ` (${code})` : ''}.`, { cause })
}

function readErrorFields(error: unknown): { code: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return readErrorFields(error.errors[0])
  if (!(error instanceof Error)) return { code: '', message: '' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return { code, message: error.message }
}
