import type { Pool, PoolClient } from 'pg'
import { currentRequest, type RequestContext } from '../core/index.js'

/** A statement that has ended. `values` and `result` are the user's: looked at now or not at all, and never kept. */
export interface SeenStatement {
  /** The request that asked for it. */
  request: RequestContext | undefined
  /** Undefined: several statements in one flight. */
  text: string | undefined
  /** Of a prepared statement. */
  name: string | undefined
  values: readonly unknown[] | undefined
  /** As the driver gave it; undefined where it failed. */
  result: unknown
  /** The session it ran on. */
  client: object
  ms: number
  /** 0 where it failed, as are `bytes`. */
  rows: number
  bytes: number
  isFailed: boolean
}

export type StatementSink = (seen: SeenStatement) => void

type Callback = (error: unknown, result?: unknown) => void

/** What a client of node-postgres has and does not document. */
interface ClientLike {
  query: (...args: unknown[]) => unknown
  connection?: { stream?: { bytesRead?: number } }
}

/** A query object of pg, pg-cursor, pg-query-stream, or of the core. */
interface Submittable {
  submit: unknown
  text?: unknown
  callback?: unknown
}

interface Original {
  query: (...args: unknown[]) => unknown
  wrapped: (...args: unknown[]) => unknown
}

export interface PoolObservation {
  /** On that session, without being seen. */
  ask(client: object, text: string, values: unknown[]): Promise<{ rows: unknown[] }>
  leave(): void
}

/**
 * Sees each statement of a pool's clients. It wraps `query` of the client itself, in front of whatever others patched into
 * the driver's prototype (OpenTelemetry, Sentry), and hands on every argument as it came.
 */
export function observePool(pool: Pool, sink: StatementSink): PoolObservation {
  const clients = new Map<ClientLike, Original>()
  const onAcquire = (client: PoolClient) => {
    const own = client as unknown as ClientLike
    if (clients.has(own)) return
    const query = own.query
    const wrapped = wrapQuery(own, query, sink)
    own.query = wrapped
    clients.set(own, { query, wrapped })
  }
  const onRemove = (client: PoolClient) => void clients.delete(client as unknown as ClientLike)
  pool.on('acquire', onAcquire)
  pool.on('remove', onRemove)
  const ask: PoolObservation['ask'] = async (client, text, values) => {
    const query = clients.get(client as ClientLike)?.query
    if (query === undefined) throw new Error('The client has left its pool.')
    return (await query.call(client, { text, values })) as { rows: unknown[] }
  }
  const leave = () => {
    pool.off('acquire', onAcquire)
    pool.off('remove', onRemove)
    // Whoever wrapped it after us still calls ours: that goes on, and tells nobody.
    for (const [client, { query, wrapped }] of clients) if (client.query === wrapped) restore(client, query)
    clients.clear()
  }
  return { ask, leave }
}

function restore(client: ClientLike, query: ClientLike['query']): void {
  if (Object.getPrototypeOf(client).query === query) delete (client as { query?: unknown }).query
  else client.query = query
}

function wrapQuery(client: ClientLike, query: ClientLike['query'], sink: StatementSink): ClientLike['query'] {
  return function observedQuery(this: unknown, ...args: unknown[]): unknown {
    const what = args[0]
    // Now: its end is told by the socket, which works for whoever made the connection.
    const request = currentRequest()
    const startedAt = performance.now()
    const before = client.connection?.stream?.bytesRead ?? 0
    const end = (error: unknown, result: unknown) => {
      const ms = performance.now() - startedAt
      const isFailed = error !== null && error !== undefined
      const bytes = isFailed ? 0 : (client.connection?.stream?.bytesRead ?? before) - before
      const rows = isFailed ? 0 : countRows(result)
      const [text, name, values] = [readText(what), readName(what), readValues(args)]
      sink({ request, text, name, values, result, client, ms, rows, bytes, isFailed })
    }
    if (isSubmittable(what)) {
      if (typeof what.callback === 'function') what.callback = follow(what.callback as Callback, end)
      return query.apply(this, args)
    }
    const last = args.length - 1
    if (typeof args[last] === 'function') {
      args[last] = follow(args[last] as Callback, end)
      return query.apply(this, args)
    }
    const promise = query.apply(this, args)
    if (promise instanceof Promise)
      promise.then(
        (result) => end(undefined, result),
        (error: unknown) => end(error ?? new Error(), undefined),
      )
    return promise
  }
}

function follow(callback: Callback, end: Callback): Callback {
  return function observed(this: unknown, error, result) {
    end(error, result)
    callback.call(this, error, result)
  }
}

function isSubmittable(what: unknown): what is Submittable {
  return typeof what === 'object' && what !== null && typeof (what as Submittable).submit === 'function'
}

function readText(what: unknown): string | undefined {
  if (typeof what === 'string') return what
  const { text } = what as { text?: unknown }
  return typeof text === 'string' ? text : undefined
}

function readName(what: unknown): string | undefined {
  if (typeof what === 'string') return undefined
  const { name } = what as { name?: unknown }
  return typeof name === 'string' ? name : undefined
}

function readValues([what, second]: readonly unknown[]): readonly unknown[] | undefined {
  if (Array.isArray(second)) return second
  const values = (what as { values?: unknown } | null)?.values
  return Array.isArray(values) ? values : undefined
}

function countRows(result: unknown): number {
  if (Array.isArray(result)) return result.reduce((sum: number, each) => sum + countRows(each), 0)
  const { rows, rowCount } = (result ?? {}) as { rows?: unknown[]; rowCount?: number | null }
  return rows?.length ? rows.length : (rowCount ?? 0)
}
