import { currentRequest } from '../core/early.js'
import { capturesSites, type CallStack } from './clash/site.js'
import type { StatementSink } from './observe-query.js'

/** What a query of postgres.js (3.x) has. It is a promise that is sent when somebody first waits for it: `handle()`. */
export interface PostgresQuery {
  strings: readonly string[]
  args: readonly unknown[]
  /** One function for all queries of an `sql`, of its transactions too. */
  canceller: object | null
  executed: boolean
  /** The session; set when it is sent. */
  state: object | null
  statement: { string?: string } | null
  /** What it is sent with: of helpers such as `sql(row)` what they stand for. Set when it is sent; the driver turns each into text then. */
  parameters?: readonly unknown[]
  /** The stack of the line that has its text. */
  origin?: string
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  handle: (this: PostgresQuery) => unknown
}

interface Listener {
  accepts: (query: PostgresQuery) => boolean
  sink: StatementSink
}

const listeners = new WeakMap<object, Set<Listener>>()

/** Sees each query of a copy of postgres.js, given the prototype of its queries. */
export function observeQueries(
  prototype: PostgresQuery,
  accepts: Listener['accepts'],
  sink: StatementSink,
): () => void {
  const hearing = listeners.get(prototype) ?? wrapHandle(prototype)
  const listener = { accepts, sink }
  hearing.add(listener)
  return () => void hearing.delete(listener)
}

function wrapHandle(prototype: PostgresQuery): Set<Listener> {
  const hearing = new Set<Listener>()
  listeners.set(prototype, hearing)
  const { handle } = prototype
  prototype.handle = function handleObserved(this: PostgresQuery) {
    if (!this.executed) for (const { accepts, sink } of hearing) if (accepts(this)) follow(this, sink)
    return handle.call(this)
  }
  return hearing
}

function follow(query: PostgresQuery, sink: StatementSink): void {
  const request = currentRequest()
  const askedAt = performance.now()
  let sentAt = 0
  // The only sign that a connection was free: the driver notes its session as it sends it.
  let { state } = query
  define(
    query,
    'state',
    () => state,
    (value) => {
      state = value
      if (sentAt === 0) sentAt = performance.now()
    },
  )
  let { parameters } = query
  let values: readonly unknown[] = query.args
  define(
    query,
    'parameters',
    () => parameters,
    (value) => {
      parameters = value
      if (value !== undefined) values = [...value]
    },
  )
  let hasEnded = false
  const end = (isFailed: boolean, result: unknown) => {
    if (hasEnded) return
    hasEnded = true
    const endedAt = performance.now()
    if (request) request.poolMs += (sentAt || endedAt) - askedAt
    sink({
      request,
      text: readText(query),
      site: readOrigin(query),
      begin: undefined,
      name: undefined,
      values,
      result,
      client: state ?? query,
      driver: 'postgres.js',
      isOwn: false,
      endedAt,
      ms: sentAt === 0 ? 0 : endedAt - sentAt,
      rows: isFailed ? 0 : countRows(result),
      bytes: 0,
      isFailed,
    })
  }
  // A cursor sets them anew for each of its steps.
  let { resolve, reject } = query
  const resolved = (value: unknown) => {
    end(false, value)
    resolve(value)
  }
  const rejected = (error: unknown) => {
    end(true, undefined)
    reject(error)
  }
  define(
    query,
    'resolve',
    () => resolved,
    (value) => (resolve = value),
  )
  define(
    query,
    'reject',
    () => rejected,
    (value) => (reject = value),
  )
}

/** Only a query that stands in a text of its own knows its line; making one costs, so only while somebody wants to know. */
function readOrigin(query: PostgresQuery): CallStack | undefined {
  if (!capturesSites()) return undefined
  const { origin = '' } = query
  return { stack: origin }
}

function define<Name extends keyof PostgresQuery>(
  query: PostgresQuery,
  name: Name,
  get: () => PostgresQuery[Name],
  set: (value: PostgresQuery[Name]) => void,
): void {
  Object.defineProperty(query, name, { configurable: true, enumerable: true, get, set })
}

/** As it was sent; before that only what has no parts that the driver puts together. */
function readText({ statement, strings }: PostgresQuery): string | undefined {
  return (
    statement?.string ?? strings.reduce((text, part, place) => (place === 0 ? part : `${text}$${place}${part}`), '')
  )
}

function countRows(result: unknown): number {
  if (!Array.isArray(result)) return 0
  const { count, command } = result as { count?: unknown; command?: unknown }
  // Several statements in one text: an array of results, without a command of its own.
  if (command === undefined) return result.reduce((sum: number, each) => sum + countRows(each), 0)
  return result.length > 0 ? result.length : typeof count === 'number' ? count : 0
}
