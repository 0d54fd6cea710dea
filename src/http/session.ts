import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export const sessionCookieName = 'holdfast_session'
const lifetimeSeconds = 12 * 60 * 60

/** Knows the token: compares it in constant time, and makes login cookies that prove its knowledge without holding it. */
export interface TokenKeeper {
  matches(candidate: string): boolean
  issue(now?: number): string
  isValid(cookie: string, now?: number): boolean
}

/**
 * The cookie is `expiry.nonce.mac`, the MAC keyed by the token. Nothing is stored, so any instance with the same token
 * accepts it and a changed token ends every session; a cookie that someone planted is worth nothing without the token.
 */
export function createTokenKeeper(token: string): TokenKeeper {
  const cookieKey = sign(token, 'holdfast dashboard cookie v1')
  const compareKey = randomBytes(32)
  return {
    matches: (candidate) => isEqual(sign(compareKey, candidate), sign(compareKey, token)),
    issue(now = Date.now()) {
      const body = `${Math.floor(now / 1000) + lifetimeSeconds}.${randomBytes(12).toString('base64url')}`
      return `${body}.${sign(cookieKey, body).toString('base64url')}`
    },
    isValid(cookie, now = Date.now()) {
      const cut = cookie.lastIndexOf('.')
      const body = cookie.slice(0, Math.max(cut, 0))
      // The MAC first: an expiry that is not ours is not worth parsing.
      if (!isEqual(sign(cookieKey, body), Buffer.from(cookie.slice(cut + 1), 'base64url'))) return false
      return Number(body.split('.')[0]) > now / 1000
    },
  }
}

/** `Secure` only over https: a browser drops a Secure cookie that plain http sets, and the login would loop. */
export function formatCookie(value: string, path: string, isHttps: boolean): string {
  const age = value === '' ? 0 : lifetimeSeconds
  const secure = isHttps ? '; Secure' : ''
  return `${sessionCookieName}=${value}; Path=${path}; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`
}

/** All cookies of our name: one planted for a narrower path comes first and must not lock the real one out. */
export function readSessionCookies(header: string | null): string[] {
  if (header === null || header.length > 8192) return []
  const values: string[] = []
  for (const pair of header.split(';')) {
    const [name, value] = pair.trim().split('=', 2)
    if (name === sessionCookieName && value !== undefined && values.length < 4) values.push(value)
  }
  return values
}

function sign(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
