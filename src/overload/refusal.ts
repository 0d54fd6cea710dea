import { currentRequest } from '../core/index.js'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { overloadError } from './errors.js'
import type { ShedReason } from './types.js'

const details: Record<ShedReason, string> = {
  late: 'This process has more requests than it can answer in time.',
  share: 'This process has more requests than it can answer, and this client has most of them.',
  full: 'This process has more requests than it can answer, and as many wait as may.',
  timeout: 'This request has waited for its turn for too long.',
}
/** Those who are refused together must not all come back together. @unit s */
const LEAST_RETRY_S = 1
const MOST_RETRY_S = 3
/** The rest of a body that nobody reads is thrown away so that the connection can be used again; a longer one is not worth it. */
const MOST_UNREAD_BYTES = 65_536

export interface Refusal {
  readonly status: 503
  readonly headers: Record<string, string>
  readonly body: string
}

/** Made once for each reason: a refusal is cheap, or it is no protection. */
const documents = Object.fromEntries(
  Object.entries(details).map(([reason, detail]) => {
    const { status, code, fix, docs, retryable } = shedError(detail)
    const document = { type: docs, title: 'Service Unavailable', status, detail, code, fix, retryable }
    return [reason, JSON.stringify(document)]
  }),
) as Record<ShedReason, string>

function shedError(detail: string) {
  return overloadError('HF_OVERLOAD_SHED', detail)
}

/** `application/problem+json` as `holdfast/http` has it. */
export function renderRefusal(reason: ShedReason): Refusal {
  const requestId = currentRequest()?.requestId
  const document = documents[reason]
  return {
    status: 503,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'retry-after': String(LEAST_RETRY_S + Math.floor(Math.random() * (MOST_RETRY_S - LEAST_RETRY_S + 1))),
    },
    body: requestId === undefined ? document : `${document.slice(0, -1)},"requestId":${JSON.stringify(requestId)}}`,
  }
}

export function refuseError(reason: ShedReason) {
  return overloadError('HF_OVERLOAD_SHED', details[reason], { details: { reason } })
}

export function sendRefusal(reason: ShedReason, request: IncomingMessage, response: ServerResponse): void {
  // Its client has left, or somebody before us has answered.
  if (response.headersSent || response.destroyed) return
  const { status, headers, body } = renderRefusal(reason)
  closeIfUnread(request, headers)
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

export function closeIfUnread(request: IncomingMessage, headers: Record<string, string>): void {
  if (request.complete || request.httpVersionMajor !== 1) return
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding !== undefined || Number(length ?? 0) > MOST_UNREAD_BYTES) headers['connection'] = 'close'
}
