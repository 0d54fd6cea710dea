import { captureSite, type CallStack } from './clash/site.js'
import { bindScope, currentRequest, isOwnCall, type RequestContext } from '../core/early.js'

/** A statement that has ended. `values` and `result` are the user's: looked at now or not at all, and never kept. */
export interface SeenStatement {
  /** The request that asked for it. */
  request: RequestContext | undefined
  /** Undefined: several statements in one flight. */
  text: string | undefined
  /** Where it was asked for, while somebody wants to know. */
  site: CallStack | undefined
  /** What the core sent ahead of it in the same flight to begin a transaction. */
  begin: string | undefined
  /** Of a prepared statement. */
  name: string | undefined
  values: readonly unknown[] | undefined
  /** As the driver gave it; undefined where it failed. */
  result: unknown
  /** The session it ran on. */
  client: object
  driver: 'node-postgres' | 'postgres.js'
  /** The core asked for it, and has counted it in the request's times itself. */
  isOwn: boolean
  /** `performance.now()` */
  endedAt: number
  ms: number
  /** 0 where it failed, as are `bytes`. */
  rows: number
  bytes: number
  isFailed: boolean
}

export type StatementSink = (seen: SeenStatement) => void

type Callback = (...answer: [error: unknown, result?: unknown]) => void

/** What a client of node-postgres has and does not document. */
export interface ClientLike {
  query: QueryFunction
  connection?: { stream?: { bytesRead?: number } }
}

export type QueryFunction = (...args: unknown[]) => unknown

/** A query object of pg, pg-cursor, pg-query-stream, or of the core. */
interface Submittable {
  submit: unknown
  text?: unknown
  callback?: unknown
}

/** Clients and pools that somebody sees already, or that nobody is to see. For all copies of holdfast in a process. */
const seen: WeakSet<object> = ((globalThis as Record<symbol, unknown>)[Symbol.for('holdfast.seen')] ??=
  new WeakSet()) as WeakSet<object>

export const isSeen = (one: object): boolean => seen.has(one)
export const markSeen = (one: object): void => void seen.add(one)
export const unmarkSeen = (one: object): void => void seen.delete(one)

/** Calls `query` of node-postgres with the arguments as they came, and tells what it did. */
export function callObserved(client: ClientLike, query: QueryFunction, args: unknown[], sink: StatementSink): unknown {
  const [what] = args
  // Now: its end is told by the socket, which works for whoever made the connection.
  const request = currentRequest()
  const isOwn = isOwnCall()
  const startedAt = performance.now()
  const site = captureSite(client)
  const before = client.connection?.stream?.bytesRead ?? 0
  const end = (error: unknown, result: unknown) => {
    const isFailed = error !== null && error !== undefined
    const endedAt = performance.now()
    // Field by field: records that are spread into each other cost more than all the rest here.
    sink({
      request,
      text: typeof what === 'string' ? what : readText(what, 'text'),
      site,
      begin: isOwn ? readText(what, 'begin') : undefined,
      name: typeof what === 'string' ? undefined : readText(what, 'name'),
      values: readValues(args),
      result,
      client,
      driver: 'node-postgres',
      isOwn,
      endedAt,
      ms: endedAt - startedAt,
      rows: isFailed ? 0 : countRows(result),
      bytes: isFailed ? 0 : (client.connection?.stream?.bytesRead ?? before) - before,
      isFailed,
    })
  }
  if (isSubmittable(what)) {
    if (typeof what.callback === 'function') what.callback = follow(what.callback as Callback, end, isOwn)
    return query.apply(client, args)
  }
  const last = args.length - 1
  if (typeof args[last] === 'function') {
    args[last] = follow(args[last] as Callback, end, isOwn)
    return query.apply(client, args)
  }
  const promise = query.apply(client, args)
  return promise instanceof Promise ? passOn(promise, end) : promise
}

/** The promise that follows it: one that was only listened to beside would count as handled, and a failure be silent. */
function passOn(promise: Promise<unknown>, end: Callback): Promise<unknown> {
  return promise.then(
    (result) => {
      end(undefined, result)
      return result
    },
    (error: unknown) => {
      end(error ?? new Error(), undefined)
      throw error
    },
  )
}

/** The core keeps its own scope; anybody else's callback would go on in that of whoever opened the connection. */
function follow(callback: Callback, end: Callback, isOwn: boolean): Callback {
  const observed: Callback = function observed(this: unknown, error, result) {
    end(error, result)
    callback.call(this, error, result)
  }
  return isOwn ? observed : bindScope(observed)
}

function isSubmittable(what: unknown): what is Submittable {
  return typeof what === 'object' && what !== null && typeof (what as Submittable).submit === 'function'
}

function readText(what: unknown, name: 'text' | 'name' | 'begin'): string | undefined {
  const value = (what as Record<string, unknown> | null | undefined)?.[name]
  return typeof value === 'string' ? value : undefined
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
