import { bindScope, runOutside } from '../core/early.js'
import { endHold } from '../watch/blocking/pool-holds.js'
import { callCheckout, type ConnectFunction } from '../watch/observe-checkout.js'
import { observeQueries, type PostgresQuery } from '../watch/observe-postgres-js.js'
import { callObserved, isSeen, type ClientLike, type QueryFunction } from '../watch/observe-query.js'
import { readClientConfig, readPoolConfig, readPostgresConfig, type PostgresOptions } from '../watch/storage-config.js'
import type { Recorder } from './recorder.js'

interface ClientClass {
  prototype: ClientLike & { query: QueryFunction; connect: ConnectFunction }
}

/** Of every client, of a pool or not. Tracers wrap the same method, before or after. */
export function meetClient({ prototype }: ClientClass, recorder: Recorder): void {
  const { query, connect } = prototype
  prototype.query = function observedQuery(this: ClientLike, ...args: unknown[]): unknown {
    if (isSeen(this)) return query.apply(this, args)
    recorder.offerConfig(() => readClientConfig(this))
    return callObserved(this, query, args, recorder.see)
  }
  // A socket keeps the scope it is opened in, and would go on telling of that request for ever.
  prototype.connect = function connectOutside(this: ClientLike, ...args: unknown[]): unknown {
    const [callback] = args
    const given = typeof callback === 'function' ? [bindScope(callback as () => void)] : args
    return runOutside(() => connect.apply(this, given))
  }
}

type PoolLike = Parameters<typeof readPoolConfig>[0] & {
  on: (event: 'release', listener: (error: unknown, client: object) => void) => unknown
}

interface PoolClass {
  prototype: { connect: ConnectFunction }
}

export function meetPool({ prototype }: PoolClass, recorder: Recorder): void {
  const { connect } = prototype
  const followed = new WeakSet<object>()
  prototype.connect = function observedConnect(this: PoolLike, ...args: unknown[]) {
    if (isSeen(this)) return connect.apply(this, args)
    if (!followed.has(this)) this.on('release', (_error, client) => endHold(client))
    followed.add(this)
    recorder.offerConfig(() => readPoolConfig(this))
    return callCheckout(this, connect, args)
  }
}

type Postgres = (...args: unknown[]) => { options: PostgresOptions }

interface QueryClass {
  prototype: PostgresQuery
}

export function meetPostgresQuery({ Query }: { Query: QueryClass }, recorder: Recorder): void {
  // What the driver asks for itself, such as the types of a new connection, nobody can cancel.
  const isOfTheirs = ({ canceller }: PostgresQuery) => typeof canceller === 'function' && !isSeen(canceller)
  observeQueries(Query.prototype, isOfTheirs, recorder.see)
}

/** Hands on the same function, which tells where each `sql` leads to. */
export function meetPostgres({ Postgres, Query }: { Postgres: Postgres; Query?: QueryClass }, recorder: Recorder) {
  if (Query) meetPostgresQuery({ Query }, recorder)
  return new Proxy(Postgres, {
    apply(target, self, args: unknown[]) {
      const sql = Reflect.apply(target, self, args)
      recorder.offerConfig(() => readPostgresConfig(sql.options))
      return sql
    },
  })
}
