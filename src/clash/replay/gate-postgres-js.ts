import { currentSide } from './side.js'

interface PostgresQuery {
  strings: readonly string[]
  executed: boolean
  canceller: unknown
  statement: { string?: string } | null
  state: { pid?: number } | null
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  handle: (this: PostgresQuery) => unknown
}

type Sql = (strings: TemplateStringsArray) => PostgresQuery

/** The same for postgres.js: its queries are sent by `handle`. A statement by itself is not split there. */
export function gatePostgresJs(sql: Sql): () => void {
  const prototype = Object.getPrototypeOf(sql`select`) as PostgresQuery
  const { handle } = prototype
  const gated = function (this: PostgresQuery & { isGated?: boolean; isThrough?: boolean }): unknown {
    const side = currentSide()
    // What the driver asks for itself, such as the types of a new connection, nobody can cancel.
    const isOwn = typeof this.canceller !== 'function'
    if (side === undefined || isOwn || this.executed || this.isThrough) return handle.call(this)
    // Asked for again, as whoever waits for it does: it stands at the gate already.
    if (this.isGated) return undefined
    this.isGated = true
    const text = this.strings.join('$')
    void side.arrive(text).then((running) => {
      const { resolve, reject } = this
      this.resolve = (value) => {
        side.leave(running)
        resolve.call(this, value)
      }
      this.reject = (error) => {
        side.leave(running, error)
        reject.call(this, error)
      }
      this.isThrough = true
      handle.call(this)
      // The session is noted when it is sent, a turn later.
      setImmediate(() => (running.pid = this.state?.pid))
    })
    return undefined
  }
  prototype.handle = gated
  return () => {
    if (prototype.handle === gated) prototype.handle = handle
  }
}
