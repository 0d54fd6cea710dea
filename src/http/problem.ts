import { STATUS_CODES } from 'node:http'
import { currentRequest, isHoldfastError, type HoldfastError } from '../core/index.js'
import { httpError } from './errors.js'

/** The body of an answer to a failed request, RFC 9457. */
export interface ProblemDocument {
  type: string
  title: string
  status: number
  detail: string
  code: string
  fix: string
  retryable: boolean
  requestId?: string
}

/**
 * Turns what was thrown into `application/problem+json`. A HoldfastError shows its code, sentence and fix; anything else
 * becomes HF_HTTP_INTERNAL without its text, which may hold SQL, a path or a row.
 */
export function toProblem(error: unknown): Response {
  const known = isHoldfastError(error) ? error : maskError()
  const document = describeProblem(known)
  const headers = new Headers({
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  if (document.requestId !== undefined) headers.set('x-request-id', document.requestId)
  if (document.status === 503 && known.retryable) headers.set('retry-after', '1')
  return new Response(JSON.stringify(document), { status: document.status, headers })
}

function describeProblem(error: HoldfastError): ProblemDocument {
  const status = error.status >= 400 && error.status <= 599 ? error.status : 500
  const document: ProblemDocument = {
    type: error.docs,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: error.message,
    code: error.code,
    fix: error.fix,
    retryable: error.retryable,
  }
  const requestId = currentRequest()?.requestId
  if (requestId !== undefined) document.requestId = requestId
  return document
}

function maskError(): HoldfastError {
  return httpError('HF_HTTP_INTERNAL', 'The request failed inside this service.')
}
