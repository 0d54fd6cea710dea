import { callCheckout, type ConnectFunction } from '../observe-checkout.js'
import { observeQueries, type PostgresQuery } from '../observe-postgres-js.js'
import { callObserved, isSeen, type ClientLike, type QueryFunction, type StatementSink } from '../observe-query.js'

interface PgModule {
  Client: { prototype: ClientLike }
  Pool?: { prototype: { connect: ConnectFunction } }
}

/** An `sql` of postgres.js: a query of it, not awaited and so not sent, shows the class of them all. */
type Sql = (strings: TemplateStringsArray) => PostgresQuery

/** The module `pg`, or an `sql` of postgres.js. */
export type Driver = PgModule | Sql

/** Sees all statements of a driver's clients, whoever made them: Knex and TypeORM have pools of their own. */
export function observeDriver(driver: Driver, sink: StatementSink): () => void {
  if (typeof driver === 'function') {
    const prototype = Object.getPrototypeOf(driver`select`) as PostgresQuery
    return observeQueries(prototype, ({ canceller }) => typeof canceller === 'function' && !isSeen(canceller), sink)
  }
  const leaves = [wrapQuery(driver.Client.prototype, sink)]
  if (driver.Pool) leaves.push(wrapConnect(driver.Pool.prototype))
  return () => {
    for (const leave of leaves) leave()
  }
}

function wrapQuery(prototype: ClientLike, sink: StatementSink): () => void {
  const { query } = prototype
  let isOn = true
  const observed: QueryFunction = function (this: ClientLike, ...args) {
    return isOn && !isSeen(this) ? callObserved(this, query, args, sink) : query.apply(this, args)
  }
  prototype.query = observed
  return () => {
    isOn = false
    // Whoever wrapped it after us still calls ours.
    if (prototype.query === observed) prototype.query = query
  }
}

function wrapConnect(prototype: { connect: ConnectFunction }): () => void {
  const { connect } = prototype
  let isOn = true
  const observed: ConnectFunction = function (this: object, ...args) {
    return isOn && !isSeen(this) ? callCheckout(this, connect, args) : connect.apply(this, args)
  }
  prototype.connect = observed
  return () => {
    isOn = false
    if (prototype.connect === observed) prototype.connect = connect
  }
}
