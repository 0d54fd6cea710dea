/** @module holdfast: the core, and the embedded PostgreSQL behind `connect()` without a url. */

import { connectTo, coreError, type ConnectOptions, type Db } from './core/index.js'

/**
 * Opens a database. With no `url`, no `pool` of yours and no DATABASE_URL it starts (or joins) the embedded PostgreSQL
 * in `.holdfast/`, for development only: with NODE_ENV=production it refuses.
 *
 * @example
 * const db = await connect({ url: 'postgres://app@localhost/shop' })
 * @throws HF_OPTIONS_…, HF_CONNECT_…, HF_EMBEDDED_…
 */
export async function connect(options: ConnectOptions = {}): Promise<Db> {
  const isTheirs = options.pool !== undefined && 'connect' in options.pool
  const hasTarget = options.url ?? process.env['DATABASE_URL'] ?? (isTheirs || options.hosts)
  if (hasTarget) return await connectTo(options)
  if (process.env['NODE_ENV'] === 'production') {
    throw coreError(
      'HF_CONNECT_URL_MISSING',
      'NODE_ENV is production and no database URL was given; the embedded PostgreSQL is for development only.',
    )
  }
  // Loaded only here: a production process never reads it.
  const { startEmbedded } = await import('./embedded/index.js')
  const embedded = await startEmbedded()
  return await connectTo(
    { ...options, url: embedded.url, directUrl: embedded.url },
    { embeddedDir: embedded.dataDir, afterClose: embedded.stop },
  )
}

export {
  assertInvariants,
  checkInvariants,
  currentRequest,
  fromDrizzle,
  fromKysely,
  fromPostgresJs,
  HoldfastError,
  invariant,
  isHoldfastError,
  sql,
} from './core/index.js'
export type {
  BatchStatement,
  ConnectOptions,
  CoreFinding,
  Db,
  DbStats,
  Epoch,
  EpochChange,
  DrizzleTransaction,
  HistogramView,
  Invariant,
  InvariantCheck,
  HostRole,
  Isolation,
  KyselyTransaction,
  Logger,
  Notification,
  PoolOptions,
  PoolStats,
  PostgresJsTransaction,
  Queryable,
  QueryOptions,
  RequestContext,
  RouteStats,
  SchemaState,
  ServerInfo,
  SqlFragment,
  Tx,
  TxOptions,
} from './core/index.js'
