// STAND-IN until `holdfast/http` lands from main, which replaces this file.
import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Db } from '../core/types.js'

class BodyError extends Error {
  readonly code: string
  readonly status: number
  readonly fix: string
  constructor(code: string, status: number, message: string, fix: string) {
    super(message)
    this.code = code
    this.status = status
    this.fix = fix
  }
}

export function createHttp(_db: Db, _options: { token?: string } = {}) {
  return {
    fetch: (_request: Request, _info: { remoteAddress?: string }): Promise<Response> =>
      Promise.resolve(new Response('holdfast dashboard stand-in')),
    close: (): void => undefined,
  }
}

export function honoContext(db: Db): MiddlewareHandler {
  return async (c, next) => {
    const requestId = c.req.header('x-request-id')
    await db.runRequest(requestId === undefined ? {} : { requestId }, async (context) => {
      await next()
      context.route = `${c.req.method} ${routePath(c, -1)}`
      context.status = c.res.status
      c.header('x-request-id', context.requestId)
    })
  }
}

export function toProblem(error: unknown): Response {
  const known = error instanceof BodyError ? error : undefined
  const status = known?.status ?? 500
  const body = {
    type: 'about:blank',
    status,
    title: known?.message ?? 'Internal error',
    code: known?.code,
    fix: known?.fix,
  }
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/problem+json' } })
}

export async function readJson(request: Request, { maxBytes = 1_048_576 } = {}): Promise<unknown> {
  if (!request.headers.get('content-type')?.includes('application/json')) {
    throw new BodyError('HF_HTTP_BODY_TYPE', 415, 'The body is not JSON.', 'Send content-type: application/json.')
  }
  const tooLarge = new BodyError('HF_HTTP_BODY_TOO_LARGE', 413, `The body exceeds ${maxBytes} bytes.`, 'Send less.')
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of request.body ?? []) {
    bytes += part.byteLength
    if (bytes > maxBytes) throw tooLarge
    parts.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'))
  } catch {
    throw new BodyError('HF_HTTP_BODY_MALFORMED', 400, 'The body is not valid JSON.', 'Send one JSON document.')
  }
}
