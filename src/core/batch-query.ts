import type { ClientBase, QueryResult } from 'pg'
import pg from 'pg'
import { sendLead, type LedRequest } from './begin-query.js'

/** One statement of a batch. */
export interface BatchPart {
  text: string
  values: readonly unknown[]
}

interface BindConfig {
  values?: readonly unknown[]
  valueMapper?: (value: unknown, index: number) => unknown
}

interface WireConnection {
  parse(query: object): void
  bind(config: BindConfig): void
  describe(what: object): void
  execute(config: object): void
  sync(): void
  stream: { cork(): void; uncork(): void }
}

/** What a query of the driver does with the messages of one statement; its results are read from `_result`. */
interface DriverQuery {
  _result: QueryResult
  prepare(connection: object): void
  handleRowDescription(message: unknown): void
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, connection: unknown): void
  handleEmptyQuery(connection: unknown): void
  _canceledDueToError: unknown
}

type Done = (error: unknown, results?: QueryResult[]) => void

/**
 * Several statements in one flight before one Sync: the server runs them in order and skips the rest after one that
 * fails. node-postgres' own pipelining sends a Sync after each: there a COMMIT behind a failed check still commits.
 * Source: PostgreSQL protocol, "Pipelining".
 */
class BatchQuery {
  readonly name = ''
  readonly callback: Done
  readonly #request: LedRequest
  readonly #queries: { query: DriverQuery; text: string; values: unknown[] }[]
  #current = 0

  constructor(request: LedRequest, parts: readonly BatchPart[], callback: Done) {
    this.callback = callback
    this.#request = request
    this.#queries = parts.map((part) => ({ query: createQuery(part), text: part.text, values: mapValues(part) }))
  }

  submit(connection: WireConnection): null {
    connection.stream.cork()
    try {
      sendLead(connection, this.#request)
      for (const { text, values } of this.#queries) {
        connection.parse({ text })
        connection.bind({ values })
        connection.describe({ type: 'P', name: '' })
        connection.execute({})
      }
      connection.sync()
    } finally {
      connection.stream.uncork()
    }
    return null
  }

  handleRowDescription(message: unknown): void {
    this.#query?.handleRowDescription(message)
  }

  handleDataRow(message: unknown): void {
    this.#query?.handleDataRow(message)
  }

  handleCommandComplete(message: unknown, connection: unknown): void {
    if (this.#request.lead.shift() !== undefined) return
    this.#query?.handleCommandComplete(message, connection)
    this.#current++
  }

  handleEmptyQuery(): void {
    this.#current++
  }

  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: { sendCopyFail(reason: string): void }): void {
    connection.sendCopyFail('COPY is not possible in a batch')
  }

  handleCopyData(): void {}

  handleError(error: unknown): void {
    this.callback(error)
  }

  handleReadyForQuery(): void {
    const failed = this.#queries.find(({ query }) => query._canceledDueToError)
    if (failed) this.callback(failed.query._canceledDueToError)
    else
      this.callback(
        null,
        this.#queries.map(({ query }) => query._result),
      )
  }

  get #query(): DriverQuery | undefined {
    return this.#queries[this.#current]?.query
  }
}

function createQuery({ text, values }: BatchPart): DriverQuery {
  const Query = pg.Query as unknown as new (config: object, values: undefined, callback: () => void) => DriverQuery
  const query = new Query({ text, values: [...values], queryMode: 'extended' }, undefined, () => {})
  const result = query._result as { _types?: unknown }
  result._types ??= pg.types
  return query
}

/**
 * Values as they go over the wire, before a byte is sent: a value that cannot be written must not leave half a flight
 * behind. The driver's own mapping is not exported; a connection that only listens gets to see it.
 */
function mapValues({ text, values }: BatchPart): unknown[] {
  let mapped: unknown[] = []
  let failure: unknown
  const listen = {
    parsedStatements: {},
    submittedNamedStatements: {},
    parse: () => {},
    describe: () => {},
    execute: () => {},
    sync: () => {},
    close: () => {},
    bind: ({ values: raw = [], valueMapper = (value) => value }: BindConfig) => {
      try {
        mapped = raw.map((value, index) => valueMapper(value, index))
      } catch (error) {
        failure = error
      }
    },
  }
  createQuery({ text, values }).prepare(listen)
  if (failure !== undefined) throw failure
  return mapped
}

/** Only plain clients of our own copy of the driver. */
export function canBatch(client: ClientBase): boolean {
  return client instanceof pg.Client && !(client as unknown as { pipeline?: boolean }).pipeline
}

export function sendBatch(client: ClientBase, request: LedRequest, parts: readonly BatchPart[], done: Done): void {
  let query: BatchQuery
  try {
    query = new BatchQuery(request, parts, done)
  } catch (error) {
    return done(error)
  }
  client.query(query as unknown as pg.Submittable)
}
