import { coreError } from './error-table.js'

export interface HostAddress {
  host: string
  port: number
  /** `host:port`, as messages name it. */
  name: string
}

/**
 * Reads `host`, `host:port` and `[v6]:port`.
 * @throws HF_OPTIONS_INVALID; an entry that may hold a password is not repeated
 */
export function parseHosts(entries: readonly unknown[], defaultPort: number): HostAddress[] {
  if (entries.length === 0) throw refuse('connect.hosts is empty; give at least one "host:port".')
  const addresses = entries.map((entry, index) => parseHost(entry, index, defaultPort))
  const names = new Set(addresses.map(({ name }) => name))
  if (names.size < addresses.length) throw refuse('connect.hosts names the same host twice.')
  return addresses
}

function parseHost(entry: unknown, index: number, defaultPort: number): HostAddress {
  const text = typeof entry === 'string' ? entry : ''
  const match = /^(?:\[([^\]\s]+)\]|([^\s:/@,[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  if (host === undefined || port < 1 || port > 65_535) {
    const shown = /[@/]/.test(text) || text === '' ? '' : `, it is "${text}"`
    throw refuse(`connect.hosts[${index}] must be "host:port"${shown}.`)
  }
  return nameAddress(host, port)
}

export function nameAddress(host: string, port: number): HostAddress {
  return { host, port, name: `${host.includes(':') ? `[${host}]` : host}:${port}` }
}

function refuse(message: string) {
  return coreError('HF_OPTIONS_INVALID', message)
}
