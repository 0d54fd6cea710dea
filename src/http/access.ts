import { httpError } from './errors.js'
import { hasProxyHeader, isLocalHostName, isLoopbackAddress, parseHostName } from './local-request.js'
import { createTokenKeeper, readSessionCookies, type TokenKeeper } from './session.js'
import type { Peer } from './types.js'

export interface AccessRule {
  /** Undefined when no token is configured. */
  readonly keeper: TokenKeeper | undefined
  /** Set by `holdfast dev`, and never in production. */
  readonly isDev: boolean
}

export function readAccessRule(token: string | undefined, env: NodeJS.ProcessEnv): AccessRule {
  const configured = (token ?? env['HOLDFAST_TOKEN'] ?? '').trim()
  return {
    keeper: configured === '' ? undefined : createTokenKeeper(configured),
    isDev: env['HOLDFAST_DEV'] === '1' && env['NODE_ENV'] !== 'production',
  }
}

/** Lets the request pass or throws what its sender is told. @throws HF_HTTP_NO_TOKEN, HF_HTTP_UNAUTHORIZED */
export function checkAccess(rule: AccessRule, request: Request, peer: Peer): void {
  if (rule.isDev && isDirectlyLocal(request, peer)) return
  const { keeper } = rule
  if (keeper === undefined) throw httpError('HF_HTTP_NO_TOKEN', explainNoToken(rule))
  const bearer = readBearer(request)
  if (bearer !== undefined && keeper.matches(bearer)) return
  if (hasSession(rule, request)) return
  const tried = bearer === undefined ? 'without a token' : 'with a wrong token'
  throw httpError('HF_HTTP_UNAUTHORIZED', `The request came ${tried}.`)
}

export function hasSession({ keeper }: AccessRule, request: Request): boolean {
  if (keeper === undefined) return false
  return readSessionCookies(request.headers.get('cookie')).some((cookie) => keeper.isValid(cookie))
}

/** A change must come from the dashboard page itself: SameSite alone does not stop a page on another port of the same host. @throws HF_HTTP_ORIGIN */
export function checkOrigin(request: Request): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const origin = request.headers.get('origin')
  if (origin === null) throw httpError('HF_HTTP_ORIGIN', 'The request carries no Origin header.')
  if (origin.toLowerCase() !== ownOrigin(request)) {
    throw httpError('HF_HTTP_ORIGIN', 'The Origin header is not the origin that this dashboard is served from.')
  }
  if (request.headers.get('x-holdfast-action') !== '1') {
    throw httpError('HF_HTTP_ORIGIN', 'The header `x-holdfast-action: 1` is missing.')
  }
}

/** @throws HF_HTTP_HOST */
export function checkHost(request: Request): void {
  const host = request.headers.get('host')
  if (host !== null && parseHostName(host) === undefined) {
    throw httpError('HF_HTTP_HOST', 'The Host header is not one host name with an optional port.')
  }
}

export function isHttps(request: Request): boolean {
  return ownOrigin(request).startsWith('https:')
}

export function readBearer(request: Request): string | undefined {
  return /^bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1]
}

function isDirectlyLocal(request: Request, peer: Peer): boolean {
  if (!isLoopbackAddress(peer.remoteAddress) || hasProxyHeader(request.headers)) return false
  // Both, because a server may build the URL from something other than the header (an absolute request target).
  const urlName = parseHostName(new URL(request.url).host)
  const headerName = parseHostName(request.headers.get('host') ?? new URL(request.url).host)
  return isLocalHostName(urlName) && isLocalHostName(headerName)
}

/**
 * Behind a proxy that ends TLS we see http while the browser says https. X-Forwarded-Proto may correct that: a page of
 * someone else cannot set it without a preflight, and it never opens anything by itself.
 */
function ownOrigin(request: Request): string {
  const url = new URL(request.url)
  const forwarded = request.headers.get('x-forwarded-proto')?.trim().toLowerCase()
  const scheme = forwarded === 'https' || forwarded === 'http' ? `${forwarded}:` : url.protocol
  // Parsed again so that a default port (`example.com:443`) is dropped just as browsers drop it in Origin.
  return new URL(`${scheme}//${request.headers.get('host') ?? url.host}`).origin
}

function explainNoToken(rule: AccessRule): string {
  if (rule.isDev) return 'The request did not come directly from this machine, and no token is configured.'
  return 'No token is configured, and this process was not started by `holdfast dev`.'
}
