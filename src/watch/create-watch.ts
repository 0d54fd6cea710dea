import type { Pool } from 'pg'
import { createDirectClient, stderrLogger, validateOptions, type Db } from '../core/index.js'
import { watchError } from './errors.js'
import { observePool } from './observe-pool.js'
import { markSeen, unmarkSeen, type StatementSink } from './observe-query.js'
import { observeQueries, type PostgresQuery } from './observe-postgres-js.js'
import { watchOptionTable } from './options.js'
import { openWatch, type WatchParts } from './process-watch.js'
import { createRequests } from './requests.js'
import { readPoolConfig, readPostgresConfig, type PostgresOptions } from './storage-config.js'
import { createAside, openStorage } from './storage.js'
import type { Watch, WatchOptions } from './types.js'

/** What is used of an `sql` of postgres.js (3.x). */
export interface PostgresJs {
  (strings: TemplateStringsArray): unknown
  unsafe: unknown
  readonly options: object
}

const CONNECT_MS = 5_000
/** Beyond what the server itself allows a plan: it may have stopped answering. */
const QUERY_MS = 2_000

const watched = new WeakSet<object>()

/**
 * Watches a database: how long requests took and where, by route; how long statements took, by route; what they brought
 * over the wire. Of all statements of its pool, whoever sends them: holdfast, an ORM, plain node-postgres. Given a pool of
 * node-postgres or an `sql` of postgres.js instead, it keeps what it sees over two connections of its own.
 *
 * @example
 * const db = await connect({ pool })
 * const watching = await watch(db)
 * @throws HF_WATCH_TWICE, HF_OPTIONS_…
 */
export async function watch(target: Db | Pool | PostgresJs, options: WatchOptions = {}): Promise<Watch> {
  validateOptions('watch', options, watchOptionTable)
  const key = isDb(target) ? target.pool : target
  if (watched.has(key)) throw watchError('HF_WATCH_TWICE', 'This pool is watched already.')
  watched.add(key)
  try {
    const parts = describe(target, options)
    const { afterStop } = parts
    const leave = () => {
      watched.delete(key)
      return afterStop()
    }
    return await openWatch({ ...parts, afterStop: leave })
  } catch (error) {
    watched.delete(key)
    throw error
  }
}

const isDb = (target: object): target is Db => 'runRequest' in target
const isSql = (target: object): target is PostgresJs => typeof target === 'function'

function describe(target: Db | Pool | PostgresJs, given: WatchOptions): WatchParts {
  const { url, ...options } = given
  if (isDb(target)) return describeDb(target, url, options)
  if (isSql(target)) {
    const config = readPostgresConfig(target.options as PostgresOptions)
    return describeOther(({ see }) => ({ leave: observeSql(target, see) }), url, config, options)
  }
  return describeOther(({ see, release }) => observePool(target, see, release), url, readPoolConfig(target), options)
}

function describeDb(db: Db, url: string | undefined, options: WatchParts['options']): WatchParts {
  const own = url === undefined ? undefined : openStorage({ connectionString: url }, options.logger ?? stderrLogger)
  return {
    storage: own ?? db,
    join: ({ see, endRequest, release }) => {
      const { ask, leave } = observePool(db.pool, see, release)
      return { ask, leave: leaveAll(leave, db.onRequest(endRequest)) }
    },
    connectAside: () => createDirectClient(undefined, db.pool, CONNECT_MS, QUERY_MS),
    runRequest: (init, body) => db.runRequest(init, body),
    options,
    afterStop: async () => await own?.close(),
  }
}

function describeOther(
  observe: WatchParts['join'],
  url: string | undefined,
  config: Parameters<typeof openStorage>[0],
  options: WatchParts['options'],
): WatchParts {
  const storage = openStorage(url === undefined ? config : { connectionString: url }, options.logger ?? stderrLogger)
  const requests = createRequests()
  return {
    storage,
    join: (ears) => {
      const joined = observe(ears)
      return { ...joined, leave: leaveAll(joined.leave, requests.hear(ears.endRequest)) }
    },
    connectAside: () => createAside(config),
    runRequest: (init, body) => requests.run(init, body),
    options,
    afterStop: async () => await storage.close(),
  }
}

function observeSql(sql: PostgresJs, see: StatementSink): () => void {
  // Never awaited, so never sent: it shows which class its queries are of, and what they have in common.
  const probe = sql`select` as PostgresQuery
  const mark = probe.canceller as object
  markSeen(mark)
  const leave = observeQueries(Object.getPrototypeOf(probe) as PostgresQuery, (each) => each.canceller === mark, see)
  return () => {
    leave()
    unmarkSeen(mark)
  }
}

function leaveAll(...leaves: (() => void)[]): () => void {
  return () => {
    for (const leave of leaves) leave()
  }
}
