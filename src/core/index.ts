/** @module The core: one pool, one transaction type, one request context, one way to fail. */

export { checkDatabase, checkNode, type Finding } from './checkup.js'
export { connectTo, type Ownership } from './connect.js'
export { connectOptionTable, poolOptionTable, queryOptionTable, txOptionTable } from './connect-options.js'
export { currentRequest, type RequestContext, type RequestInit } from './context.js'
export { findDrift, type DriftItem } from './drift.js'
export { coreError, coreErrors } from './error-table.js'
export {
  defineErrors,
  HoldfastError,
  isHoldfastError,
  type ErrorEntry,
  type ErrorExtra,
  type ErrorTable,
} from './errors.js'
export { fromDrizzle, type DrizzleTransaction } from './from-drizzle.js'
export { fromKysely, type KyselyTransaction } from './from-kysely.js'
export { fromPostgresJs, type PostgresJsTransaction } from './from-postgres-js.js'
export { createDirectClient, encodeParameter } from './driver.js'
export { Histogram, type HistogramView } from './histogram.js'
export { assertInvariants, checkInvariants, invariant, type Invariant, type InvariantCheck } from './invariant.js'
export { stderrLogger } from './logger.js'
export { dropSchemaText, listLiveInstances } from './instance-store.js'
export type { MigrateOptions } from './migrate.js'
export { printMigrations } from './migration-script.js'
export { readMigrationStates, type MigrationState } from './migration-states.js'
export { packageVersion } from './migrations.gen.js'
export { findNearest, validateOptions, type OptionSpec, type OptionTable } from './options.js'
export { makeRequestId } from './request-id.js'
export { OVERFLOW_ROUTE } from './route-book.js'
export type { Pooler } from './pooler.js'
export { splitArguments } from './split-arguments.js'
export { sql, SqlFragment } from './sql.js'
export { readSqlstate } from './sqlstate.js'
export { fitSchema, type SchemaResult, type StandardSchema } from './standard-schema.js'
export { cleanText, isStorableJson } from './stored-text.js'
export { readCatalog, readSettings, type CatalogRow, type SettingRow } from './store.js'
export { uninstall } from './uninstall.js'
export type {
  BatchStatement,
  ConnectOptions,
  CoreFinding,
  Db,
  DbStats,
  Epoch,
  EpochChange,
  HostRole,
  Isolation,
  Logger,
  Notification,
  PoolOptions,
  PoolStats,
  Queryable,
  QueryOptions,
  RouteStats,
  SchemaState,
  ServerInfo,
  Tx,
  TxOptions,
} from './types.js'
