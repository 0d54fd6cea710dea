import type { IncomingMessage, ServerResponse } from 'node:http'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { httpError } from './errors.js'
import { parseHostName } from './local-request.js'

/** express and connect keep the full path here when they shorten `url` for a mounted handler; body parsers leave `body`. */
type FrameworkRequest = IncomingMessage & { originalUrl?: string; body?: unknown }

/** Makes a web-standard request of one of node:http. `signal` aborts when the client goes away. @throws HF_HTTP_HOST */
export function toWebRequest(request: FrameworkRequest, signal: AbortSignal): Request {
  const headers = copyHeaders(request)
  const host = headers.get('host') ?? ''
  if (parseHostName(host) === undefined) {
    throw httpError('HF_HTTP_HOST', 'The Host header is not one host name with an optional port.')
  }
  const scheme = 'encrypted' in request.socket && request.socket.encrypted === true ? 'https' : 'http'
  const method = request.method ?? 'GET'
  // Joined, not resolved: `new URL('//evil.example/x', base)` would take the path for a host.
  const url = new URL(`${scheme}://${host}${readPath(request)}`)
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(url, { method, headers, signal, ...(hasBody ? readBody(request, headers) : {}) })
}

/** Writes a response and waits until it has ended or the client has gone. */
export async function sendWebResponse(
  answer: Response,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A body we refused is still on its way: without this the connection would carry on reading all of it.
  if (hasUnreadBody(request)) response.setHeader('connection', 'close')
  response.statusCode = answer.status
  answer.headers.forEach((value, name) => {
    if (name !== 'set-cookie') response.setHeader(name, value)
  })
  const cookies = answer.headers.getSetCookie()
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  if (answer.body === null) response.end()
  else await pump(answer.body, response)
}

function hasUnreadBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  return !request.complete && request.httpVersionMajor === 1 && (encoding !== undefined || Number(length ?? 0) > 0)
}

async function pump(body: ReadableStream<Uint8Array>, response: ServerResponse): Promise<void> {
  const reader = body.getReader()
  // Cancels at once when the client leaves, also while nothing is being written: a live stream may be quiet.
  const cancel = (): void => void reader.cancel().catch(() => undefined)
  response.once('close', cancel)
  response.flushHeaders()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || response.destroyed) break
      if (!response.write(value)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    }
    response.end()
  } catch {
    response.destroy()
  } finally {
    response.off('close', cancel)
  }
}

/** From the raw list, so that a repeated Host stays visible; node would keep the first and hide the second. */
function copyHeaders(request: IncomingMessage): Headers {
  const headers = new Headers()
  const raw = request.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    if (name === ':authority') headers.set('host', raw[i + 1] as string)
    else if (!name.startsWith(':')) headers.append(name, raw[i + 1] as string)
  }
  return headers
}

function readPath(request: FrameworkRequest): string {
  const target = request.originalUrl ?? request.url ?? '/'
  if (target.startsWith('/')) return target
  // An absolute target (`GET http://name/path`): only its path counts, the name is the Host header's business.
  const { pathname, search } = URL.canParse(target) ? new URL(target) : { pathname: '/', search: '' }
  return pathname + search
}

function readBody(request: FrameworkRequest, headers: Headers): { body?: string | ReadableStream; duplex?: 'half' } {
  if (!request.readableEnded) return { body: Readable.toWeb(request) as ReadableStream, duplex: 'half' }
  // A body parser was here before us: what it left is all there is.
  headers.delete('content-length')
  if (typeof request.body !== 'object' || request.body === null) return {}
  headers.set('content-type', 'application/json')
  return { body: JSON.stringify(request.body) }
}
