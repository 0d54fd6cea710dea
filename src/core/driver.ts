// The only file that touches what node-postgres does not document: which socket a client has, its backend key.

import type { Socket } from 'node:net'
import type { ClientBase, Pool } from 'pg'
import pg from 'pg'
import utils from 'pg/lib/utils.js'

interface ParameterStatus {
  parameterName: string
  parameterValue: string
}

const poolNames = { idle: '_idle', remove: '_remove' } as const

interface PoolInternals {
  [poolNames.idle]: { client: ClientBase }[]
  [poolNames.remove](client: ClientBase): void
}

interface ClientInternals {
  host: string
  port: number
  /** What password functions and ~/.pgpass are asked with. */
  connectionParameters: { host: string; port: number }
  ssl: unknown
  processID: number | null
  secretKey: number | null
  connection: { stream: Socket; on(event: 'parameterStatus', handler: (message: ParameterStatus) => void): void }
}

type ConnectionLike = {
  connect(portOrPath: number | string, host?: string): void
  cancel(processId: number, secretKey: number): void
  requestSsl(): void
  on(event: 'connect' | 'end' | 'error' | 'sslconnect', handler: (error?: Error) => void): void
  stream: Socket
}

const broken = new WeakSet<ClientBase>()
/** SQLSTATE of the last WARNING a client was sent. */
const warnings = new WeakMap<ClientBase, string>()
const watched = new WeakSet<ClientBase>()

/**
 * Notes when a client's connection breaks. Without a listener of our own, a connection that ends while it is
 * checked out but idle emits 'error' with nobody listening, and that ends the process.
 */
export function watchClient(client: ClientBase): void {
  if (watched.has(client)) return
  watched.add(client)
  client.on('error', () => broken.add(client))
  client.on('end', () => broken.add(client))
  client.on('notice', ({ severity, code }) => {
    if (severity === 'WARNING' && code !== undefined) warnings.set(client, code)
  })
}

/** The SQLSTATE of the last warning since the last call, if there was one. */
export function takeWarning(client: ClientBase): string | undefined {
  const code = warnings.get(client)
  if (code !== undefined) warnings.delete(client)
  return code
}

export function isBroken(client: ClientBase): boolean {
  return broken.has(client)
}

/** It may finish what it does, but is closed instead of being handed out again, and its transaction cannot commit. */
export function markBroken(client: ClientBase): void {
  broken.add(client)
}

/** Chooses the host of a client that has not connected yet. */
export function placeClient(client: ClientBase, { host, port }: { host: string; port: number }): void {
  const internals = readInternals(client)
  internals.host = internals.connectionParameters.host = host
  internals.port = internals.connectionParameters.port = port
}

/** What the server reports of itself without being asked, from the login on. Must be called before the client connects. */
export function watchParameters(client: ClientBase, onChange?: (name: string) => void): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  readInternals(client).connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
    const isNews = parameters.get(parameterName) !== parameterValue
    parameters.set(parameterName, parameterValue)
    if (isNews) onChange?.(parameterName)
  })
  return parameters
}

/** Takes a client out of the pool if it lies idle there; the pool offers no way to do it that leaves no moment for handing it out. */
export function dropIdle(pool: Pool, client: ClientBase): void {
  const internals = pool as unknown as PoolInternals
  if (!internals[poolNames.idle].some((item) => item.client === client)) return
  internals[poolNames.remove](client)
  destroySocket(client)
}

/** Drops the socket at once: an orderly end would wait for a server that may never answer again. */
export function destroySocket(client: ClientBase): void {
  broken.add(client)
  readInternals(client).connection.stream.destroy()
}

/** The pid in the key data that came with the login; undefined for drivers that hide it. */
export function readKeyPid(client: ClientBase): number | undefined {
  return readInternals(client).processID ?? undefined
}

function readInternals(client: ClientBase): ClientInternals {
  return client as unknown as ClientInternals
}

/**
 * Asks the server to cancel what the client's backend runs now, on a connection of its own, and resolves when the
 * server has closed that connection. Only then has the signal been sent: a client that is used again before may
 * have its *next* query killed (up to 60 % of trials). False: it could not be asked, or not be confirmed in time.
 * Source: PostgreSQL protocol, "Canceling Requests in Progress".
 */
export async function cancelOnServer(client: ClientBase, waitMs: number): Promise<boolean> {
  const { ssl, processID, secretKey } = readInternals(client)
  if (processID === null || secretKey === null) return false
  const Connection = (pg as unknown as { Connection: new (config: { ssl: unknown }) => ConnectionLike }).Connection
  const connection = new Connection({ ssl })
  return await new Promise<boolean>((resolve) => {
    let sent = false
    const finish = (confirmed: boolean) => {
      clearTimeout(timer)
      connection.stream.destroy()
      resolve(confirmed)
    }
    const timer = setTimeout(finish, waitMs, false)
    const send = () => {
      connection.cancel(processID, secretKey)
      sent = true
    }
    connection.on('connect', () => (ssl ? connection.requestSsl() : send()))
    connection.on('sslconnect', send)
    connection.on('error', () => finish(false))
    connection.on('end', () => finish(sent))
    connectTo(connection, client)
  })
}

/** The very address the client's socket has: a host name with several addresses could reach another server. */
function connectTo(connection: ConnectionLike, client: ClientBase): void {
  const { host, port, ssl, connection: own } = readInternals(client)
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
  else connection.connect(port, (ssl ? undefined : own.stream.remoteAddress) ?? host)
}

const directClients = new WeakMap<Pool, () => pg.Client>()

/** Direct connections beside this pool are made by `make`: it knows the host of the moment. */
export function setDirectClients(pool: Pool, make: () => pg.Client): void {
  directClients.set(pool, make)
}

/** A connection of its own, not yet connected: for LISTEN and migrations. `queryMs` gives up statements; 0 never. */
export function createDirectClient(
  directUrl: string | undefined,
  pool: Pool,
  connectMs: number,
  queryMs = 0,
): pg.Client {
  const make = directClients.get(pool)
  if (make) return make()
  const own = { keepAlive: true, connectionTimeoutMillis: connectMs, query_timeout: queryMs }
  if (directUrl !== undefined) return new pg.Client({ ...own, connectionString: directUrl })
  const { host, port, user, password, database, ssl, connectionString } = pool.options
  return new pg.Client({ ...own, host, port, user, password, database, ssl, connectionString })
}

/** A parameter in the server's text format, as node-postgres would send it: for a driver that has its own ideas. */
export function encodeParameter(value: unknown): string | null {
  const encoded = utils.prepareValue(value)
  return Buffer.isBuffer(encoded) ? `\\x${encoded.toString('hex')}` : encoded
}
