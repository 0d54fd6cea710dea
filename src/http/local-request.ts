import { isIPv4 } from 'node:net'

// Who may do without a token under `holdfast dev`. Three facts must agree, because each alone can be had by an outsider:
// a tunnel or proxy on this machine connects from loopback, and a rebound DNS name reaches loopback from the user's own browser.

const localNames = new Set(['localhost', '127.0.0.1', '[::1]'])
const hostPattern = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/

/** Is this the address of a TCP peer on the same machine? */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false
  const lower = address.toLowerCase()
  if (lower === '::1') return true
  const v4 = lower.startsWith('::ffff:') ? lower.slice('::ffff:'.length) : lower
  return isIPv4(v4) && v4.startsWith('127.')
}

/** The name in a Host header without its port, in lower case; undefined when it is not exactly one well-formed name. */
export function parseHostName(host: string | null | undefined): string | undefined {
  return hostPattern.exec((host ?? '').toLowerCase())?.[1]
}

/** DNS rebinding shows here: the browser sends the attacker's name although the connection ends at 127.0.0.1. */
export function isLocalHostName(name: string | undefined): boolean {
  return name !== undefined && localNames.has(name)
}

/** Any of these says that somebody else stands between us and the caller, however often it occurs and whatever it holds. */
export function hasProxyHeader(headers: Headers): boolean {
  for (const name of headers.keys()) {
    if (name === 'forwarded' || name === 'via' || name === 'x-real-ip' || name.startsWith('x-forwarded')) return true
  }
  return false
}
