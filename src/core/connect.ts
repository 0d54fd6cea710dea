import type { Pool } from 'pg'
import pg from 'pg'
import { describeConnectError, type Target } from './connect-errors.js'
import { connectOptionTable, poolOptionTable } from './connect-options.js'
import { Database } from './database.js'
import { watchClient } from './driver.js'
import { coreError } from './error-table.js'
import { stderrLogger } from './logger.js'
import { ownRelease, type Release } from './migration-states.js'
import { validateOptions } from './options.js'
import { PoolGuard } from './pool-guard.js'
import { readServer } from './store.js'
import type { ConnectOptions, Db, PoolOptions, ServerInfo } from './types.js'

const OLDEST_MAJOR = 15
const defaultPool = { max: 10, idleMs: 30_000, connectMs: 5_000 }

/** What the top-level face adds where it started the server itself. */
export interface Ownership {
  embeddedDir?: string
  /** Runs after the pool is closed. */
  afterClose?: () => Promise<void>
  /** What this process takes for its own release. Tests run two releases in one checkout with it. Default: this package. */
  release?: Release
  /** A command that looks after the database: not announced, and not refused where the schema is ahead. */
  isTool?: boolean
}

/**
 * Opens a database: checks the options, makes the pool (or takes yours), logs in once and reads the server's version.
 * @throws HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID, HF_CONNECT_…, HF_MIGRATE_AHEAD
 */
export async function connectTo(options: ConnectOptions, ownership: Ownership = {}): Promise<Db> {
  validateOptions('connect', options, connectOptionTable)
  const { acquireMs = 5_000, deadlineMs = 30_000, txDeadlineMs = 60_000, logger = stderrLogger } = options
  const { heartbeatMs = 5_000 } = options
  const { release = ownRelease, isTool = false } = ownership
  const nested = options.nested ?? (process.env['NODE_ENV'] === 'test' ? 'throw' : 'report')
  const url = options.url ?? process.env['DATABASE_URL']
  const directUrl = options.directUrl ?? findDirectUrl(options, url)
  const { pool, target, isOurs } = openPool(url, options)
  const guard = new PoolGuard(pool, target)
  const closePool = async () => {
    if (isOurs) await pool.end()
    await ownership.afterClose?.()
  }
  let database: Database
  try {
    const server = await inspectServer(pool, target, isOurs, ownership.embeddedDir)
    const limits = { acquireMs, deadlineMs, txDeadlineMs, heartbeatMs }
    database = new Database({ guard, server, directUrl, ...limits, nested, logger, release, isTool, closePool })
  } catch (error) {
    await closePool()
    throw error
  }
  await database.announce()
  return database
}

/** DATABASE_DIRECT_URL belongs to DATABASE_URL: beside a url or pool of another database it would lead to the wrong one. */
function findDirectUrl({ url, pool }: ConnectOptions, fallback: string | undefined): string | undefined {
  if (isPool(pool)) return undefined
  return url === undefined ? (process.env['DATABASE_DIRECT_URL'] ?? fallback) : url
}

function openPool(url: string | undefined, options: ConnectOptions): { pool: Pool; target: Target; isOurs: boolean } {
  const given = options.pool
  if (isPool(given)) return { pool: given, target: readTarget(undefined, given.options, 0), isOurs: false }
  if (given) validateOptions('connect.pool', given, poolOptionTable)
  if (url === undefined) {
    throw coreError('HF_CONNECT_URL_MISSING', 'connect() got no url and DATABASE_URL is not set.')
  }
  const settings = { ...defaultPool, ...dropUndefined(given ?? {}) }
  const target = readTarget(url, {}, settings.connectMs)
  const { applicationName = 'holdfast' } = options
  return { pool: createPool(url, settings, applicationName), target, isOurs: true }
}

function createPool(url: string, { max, idleMs, connectMs }: Required<PoolOptions>, applicationName: string): Pool {
  // The pool's own timeout would also end waiting callers, with a message that tells nothing; the client's only ends logins.
  class PatientClient extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connectionTimeoutMillis: connectMs })
    }
  }
  return new pg.Pool({
    connectionString: url,
    max,
    idleTimeoutMillis: idleMs,
    application_name: applicationName,
    keepAlive: true,
    Client: PatientClient as unknown as new () => pg.ClientBase,
  })
}

/** A user's pool may come from another copy of pg: told by what it can do, not by its class. */
function isPool(value: ConnectOptions['pool']): value is Pool {
  return value !== undefined && 'connect' in value && typeof value.connect === 'function'
}

function readTarget(url: string | undefined, config: pg.ClientConfig, connectMs: number): Target {
  const { host, port, database, user } = parseUrl(url, config)
  return { host: host ?? 'localhost', port, database: database ?? '', user: user ?? '', connectMs }
}

function parseUrl(url: string | undefined, config: pg.ClientConfig): pg.Client {
  if (url === undefined) return new pg.Client(config)
  try {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new Error('Another scheme')
    return new pg.Client({ connectionString: url })
  } catch {
    // Neither the URL nor the parser's message is shown: both may hold the password.
    throw coreError(
      'HF_CONNECT_URL_INVALID',
      'The database URL is not of the form postgres://user:password@host:port/database.',
    )
  }
}

async function inspectServer(
  pool: Pool,
  target: Target,
  ownsPool: boolean,
  embeddedDir: string | undefined,
): Promise<ServerInfo> {
  try {
    const client = await pool.connect()
    watchClient(client)
    try {
      const { version, major } = await readServer(client)
      if (major < OLDEST_MAJOR) throw describeTooOld(version)
      return { version, major, ownsPool, ...(embeddedDir !== undefined && { embeddedDir }) }
    } finally {
      client.release()
    }
  } catch (error) {
    throw describeConnectError(error, target)
  }
}

function describeTooOld(version: string) {
  return coreError(
    'HF_CONNECT_SERVER_TOO_OLD',
    `The server is PostgreSQL ${version}; holdfast needs ${OLDEST_MAJOR} or later.`,
    {
      details: { version, needs: OLDEST_MAJOR },
    },
  )
}

function dropUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<T>
}
