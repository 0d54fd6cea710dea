import pg, { type Pool, type PoolConfig, type QueryResultRow } from 'pg'
import { connectTo, type Db, type Logger, type QueryOptions, type SchemaState } from '../core/index.js'
import { markSeen } from './observe-query.js'

/** Where what is seen is kept. A `Db` satisfies it. */
export type WatchStorage = Pick<Db, 'query' | 'schema'>

export interface OwnStorage extends WatchStorage {
  /** Asks for the database if it has not answered yet. Never throws, and never more often than `RETRY_MS`. */
  open(): Promise<void>
  close(): Promise<void>
}

const RETRY_MS = 10_000
const CONNECT_MS = 2_000
const CLOSE_MS = 1_000

/** A small pool beside the application's: what is written takes none of its connections, and nobody sees it. */
export function openStorage(config: PoolConfig, logger: Logger, coreLogger = logger): OwnStorage {
  let pool: Pool | undefined
  let db: Db | undefined
  let opening: Promise<void> | undefined
  let triedAt = -Infinity
  let hasWarned = false

  async function connect(): Promise<void> {
    triedAt = performance.now()
    pool ??= createPool(config)
    try {
      db = await connectTo({ pool, logger: coreLogger, deadlineMs: CONNECT_MS, acquireMs: CONNECT_MS })
      warnOfMissing()
    } catch {
      // The application knows that its database is away, and what is seen is kept.
    }
  }

  function warnOfMissing(): void {
    if (hasWarned || db === undefined || db.schema === 'ok') return
    hasWarned = true
    logger.warn(
      { schema: db.schema, fix: 'Run `holdfast migrate`.' },
      'holdfast watches, and its tables are not there yet: what is seen is kept in memory.',
    )
  }

  async function open(): Promise<void> {
    if (db !== undefined) return
    // Whoever comes while it is being opened waits for that.
    if (opening === undefined && performance.now() - triedAt < RETRY_MS) return
    await (opening ??= connect().finally(() => (opening = undefined)))
  }

  return {
    get schema(): SchemaState {
      // Asked for before anything is written: who waits for the tables opens the way to them.
      void open()
      return db?.schema ?? 'missing'
    },
    async query<T extends QueryResultRow>(text: string, params?: readonly unknown[], options?: QueryOptions) {
      await open()
      if (db === undefined) throw new Error('The database has not answered yet.')
      return await db.query<T>(text, params, options)
    },
    open,
    async close() {
      await opening
      await db?.close({ deadlineMs: CLOSE_MS })
      await pool?.end()
    },
  }
}

function createPool(config: PoolConfig): Pool {
  const own = { max: 2, min: 0, idleTimeoutMillis: 5_000, connectionTimeoutMillis: CONNECT_MS, allowExitOnIdle: true }
  const pool = new pg.Pool({ ...config, ...own, application_name: 'holdfast:watch' })
  markSeen(pool)
  pool.on('connect', (client) => markSeen(client))
  pool.on('error', () => {})
  return pool
}

/** One connection beside the application's, not yet connected, that nobody sees. */
export function createAside(config: PoolConfig): pg.Client {
  const own = { connectionTimeoutMillis: CONNECT_MS, query_timeout: CONNECT_MS, application_name: 'holdfast:watch' }
  const client = new pg.Client({ ...config, ...own })
  markSeen(client)
  return client
}
