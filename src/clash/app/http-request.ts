import { clashError } from '../errors.js'
import type { ReplayRequest } from '../types.js'
import type { RunningApp } from './start-app.js'

export interface HttpRequest {
  method: string
  path: string
  headers: Readonly<Record<string, string>>
  body: string | undefined
}

/**
 * A request as it is written on a command line: `POST /orders/7 {"n":1}`.
 *
 * @throws HF_CLASH_REQUEST
 */
export function httpRequest(
  text: string,
  { headers = {} }: { headers?: Readonly<Record<string, string>> } = {},
): ReplayRequest<RunningApp> {
  const request = parseRequest(text, headers)
  const [path = '/'] = request.path.split('?')
  return { name: `${request.method} ${path}`, run: async (app) => await app.send(request) }
}

function parseRequest(text: string, given: Readonly<Record<string, string>>): HttpRequest {
  const [, method, path, body] = /^\s*([A-Za-z]+)\s+(\/\S*)(?:\s+(\S.*?))?\s*$/s.exec(text) ?? []
  if (method === undefined || path === undefined)
    // Not the text itself: its body may hold what nobody should read in a log.
    throw clashError('HF_CLASH_REQUEST', 'A request begins with a method and a path, such as `POST /orders/7 {"n":1}`.')
  const type: Record<string, string> =
    body === undefined ? {} : { 'content-type': isJson(body) ? 'application/json' : 'text/plain' }
  return { method: method.toUpperCase(), path, body, headers: { ...type, ...given } }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
