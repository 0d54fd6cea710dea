import { hookOnce } from './hooked.js'
import { keep, nobodyChanged } from './gate.js'
import { currentSide, type GateSide } from './side.js'
import { splits } from './statements.js'

interface PostgresQuery {
  strings: readonly string[]
  args: readonly unknown[]
  /** Its values stand between its strings; otherwise the text names them. */
  tagged: boolean
  executed: boolean
  canceller: unknown
  statement: { string?: string } | null
  state: { pid?: number } | null
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  handle: (this: PostgresQuery) => unknown
}

type Sql = ((strings: TemplateStringsArray) => PostgresQuery) & { options: object }
type PostgresModule = (options: { max: number }) => Sql

/** The same for postgres.js: its queries are sent by `handle`. A statement by itself cannot be sent in halves there: the database holds it up in front of its commit. */
export function gatePostgresJs(given: Sql | PostgresModule): () => void {
  // One that is not used connects to nothing.
  const sql = 'options' in given ? given : given({ max: 1 })
  const prototype = Object.getPrototypeOf(sql`select`) as PostgresQuery
  return hookOnce(prototype, () => hookQuery(prototype))
}

/** Of one copy of postgres.js. */
export function hookQuery(prototype: PostgresQuery): () => void {
  const { handle } = prototype
  const gated = function (this: PostgresQuery & { isGated?: boolean; isThrough?: boolean }): unknown {
    const side = currentSide()
    // What the driver asks for itself, such as the types of a new connection, nobody can cancel.
    const isOwn = typeof this.canceller !== 'function'
    if (side === undefined || isOwn || this.executed || this.isThrough) return handle.call(this)
    // Asked for again, as whoever waits for it does: it stands at the gate already.
    if (this.isGated) return undefined
    this.isGated = true
    const mustAffect = rewrite(side, this)
    const text = this.strings.join('$')
    // The session is noted when it is sent, a turn later.
    void side.arrive(text, { readPid: () => this.state?.pid, holdsCommit: splits(text) }).then((running) => {
      const { resolve, reject } = this
      this.resolve = (value) => {
        if (mustAffect && (value as { count?: number }).count === 0) return this.reject(nobodyChanged())
        keep(side, textOf(this), { rows: value })
        side.leave(running)
        resolve.call(this, value)
      }
      this.reject = (error) => {
        side.leave(running, error)
        reject.call(this, error)
      }
      this.isThrough = true
      handle.call(this)
    }, this.reject)
    return undefined
  }
  prototype.handle = gated
  return () => {
    if (prototype.handle === gated) prototype.handle = handle
  }
}

const textOf = ({ strings }: PostgresQuery): string =>
  strings.reduce((text, part, place) => (place === 0 ? part : `${text}$${place}${part}`), '')

/** True: a row has to be changed by it. What helpers such as `sql(row)` stand for is not known here, so that those stay. */
function rewrite(side: GateSide, query: PostgresQuery): boolean {
  const text = textOf(query)
  if (side.fix?.isolation && /^\s*begin\b/i.test(text)) {
    query.strings = ['begin isolation level serializable']
    return false
  }
  const changed = side.fix?.rewrite?.({ text, values: query.args, earlier: side.earlier })
  if (changed === undefined) return false
  const values = changed.values ?? query.args
  if (query.tagged) {
    const parts = changed.text.split(/\$(\d+)/)
    query.strings = parts.filter((_part, at) => at % 2 === 0)
    query.args = parts.filter((_part, at) => at % 2 === 1).map((number) => values[Number(number) - 1])
  } else {
    query.strings = [changed.text]
    query.args = values
  }
  return changed.mustAffect === true
}
