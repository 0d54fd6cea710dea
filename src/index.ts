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
  const hasTarget = options.url ?? process.env['DATABASE_URL'] ?? (options.pool && 'connect' in options.pool)
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
  currentRequest,
  fromDrizzle,
  fromKysely,
  fromPostgresJs,
  HoldfastError,
  isHoldfastError,
  sql,
} from './core/index.js'
export type {
  ConnectOptions,
  Db,
  DbStats,
  DrizzleTransaction,
  HistogramView,
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
  ServerInfo,
  SqlFragment,
  Tx,
  TxOptions,
} from './core/index.js'
