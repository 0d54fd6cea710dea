import type { ClientBase, QueryResult } from 'pg'
import pg from 'pg'
import { destroySocket } from './driver.js'
import { coreError } from './error-table.js'

/** Statements without a result, sent ahead of another one; each leaves the list when the server has done it. */
export interface LedRequest {
  lead: string[]
}

interface WireConnection {
  parse(query: { text: string }): void
  bind(config: object): void
  execute(config: object): void
  stream: { cork(): void; uncork(): void }
}

interface DriverQuery {
  submit(connection: WireConnection): Error | null
  handleCommandComplete(message: unknown, connection: WireConnection): void
  handleError(error: Error, connection: WireConnection): void
  listenerCount(event: 'error'): number
  emit(event: 'error', error: Error): void
}

type StatementCallback = (error: unknown, result?: QueryResult) => void

type DriverQueryClass = new (config: {
  name: string
  text: string
  values: readonly unknown[]
  callback: StatementCallback
}) => DriverQuery

/**
 * BEGIN and the first statement of a transaction in one flight: Parse, Bind, Execute of both before one Sync, so that a
 * BEGIN that fails stops the statement too. It saves a round trip and a third of a short transaction's CPU; of a savepoint
 * around one statement it saves two of three.
 * Source: PostgreSQL protocol, "Pipelining"; exec_execute_message finishes a transaction command at once.
 */
class BeginQuery extends (pg.Query as unknown as DriverQueryClass) {
  /** For whoever watches: what begins with it. */
  readonly begin: string | undefined
  readonly #request: LedRequest
  #wasSubmitted = false

  constructor(request: LedRequest, text: string, values: readonly unknown[], callback: StatementCallback) {
    // A name that is a string keeps OpenTelemetry's SQL comments away: they would copy text and values into a plain
    // object that knows no BEGIN. The empty name is that of the unnamed statement, so nothing is prepared.
    super({ name: '', text, values, callback })
    this.#request = request
    ;[this.begin] = request.lead
  }

  /** False: whatever wraps the driver sent something else in its place, and that began no transaction. */
  get wasSubmitted(): boolean {
    return this.#wasSubmitted
  }

  override submit(connection: WireConnection): Error | null {
    this.#wasSubmitted = true
    connection.stream.cork()
    try {
      sendLead(connection, this.#request)
      return super.submit(connection)
    } finally {
      connection.stream.uncork()
    }
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.#request.lead.length === 0) super.handleCommandComplete(message, connection)
    else this.#request.lead.shift()
  }

  /** The driver tells a failure to the callback alone; Sentry ends its span on the event. */
  override handleError(error: Error, connection: WireConnection): void {
    super.handleError(error, connection)
    if (this.listenerCount('error') > 0) this.emit('error', error)
  }
}

export function sendLead(connection: Pick<WireConnection, 'parse' | 'bind' | 'execute'>, { lead }: LedRequest): void {
  for (const text of lead) {
    connection.parse({ text })
    connection.bind({})
    connection.execute({})
  }
}

/** Only plain clients of our own copy of the driver; a statement without parameters may be several in one text. */
export function canBeginWith(
  client: ClientBase,
  values: readonly unknown[] | undefined,
  name: string | undefined,
): boolean {
  if (values === undefined || values.length === 0 || name !== undefined) return false
  return client instanceof pg.Client && !(client as unknown as { pipeline?: boolean }).pipeline
}

export function sendBeginWith(
  client: ClientBase,
  request: LedRequest,
  text: string,
  values: readonly unknown[],
  done: StatementCallback,
): void {
  const query: BeginQuery = new BeginQuery(request, text, values, (error, result) => {
    if (error || query.wasSubmitted) return done(error, result)
    // It was committed by itself; what would follow must not be.
    destroySocket(client)
    done(describeStray())
  })
  client.query(query as unknown as pg.Submittable)
}

function describeStray() {
  const fix =
    'Turn off what rewrites queries in the library that instruments node-postgres, and report which one it is.'
  const message =
    'Something that wraps node-postgres replaced the query that begins a transaction: its first statement ran outside of it.'
  return coreError('HF_TX_OUTCOME_UNKNOWN', message, { fix })
}
