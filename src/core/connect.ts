import type { Pool, PoolClient } from 'pg'
import pg from 'pg'
import { refuseUnregisteredTables } from './citus.js'
import { describeConnectError, type Target } from './connect-errors.js'
import { connectOptionTable, poolOptionTable } from './connect-options.js'
import { createPool, createRoutedPool, refuseBesideHosts } from './create-pool.js'
import { Database } from './database.js'
import { createDirectClient, watchClient } from './driver.js'
import { coreError } from './error-table.js'
import type { HostRouter } from './host-router.js'
import { stderrLogger } from './logger.js'
import { ownRelease, type Release } from './migration-states.js'
import { validateOptions } from './options.js'
import { PoolGuard } from './pool-guard.js'
import { detectPooler } from './pooler.js'
import { readServer } from './store.js'
import type { ConnectOptions, Db, ServerInfo } from './types.js'

const OLDEST_MAJOR = 15
const defaultPool = { max: 10, idleMs: 30_000, connectMs: 5_000 }

/** What the top-level face adds where it started the server itself. */
export interface Ownership {
  embeddedDir?: string
  /** Runs after the pool is closed. */
  afterClose?: () => Promise<void>
  /** Turns the check of the timeline off: only for the test that shows what it is for. */
  acceptsLowerTimelines?: boolean
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
  const { pool, target, isOurs, router } = openPool(url, options, ownership)
  const guard = new PoolGuard(pool, target, router)
  const closePool = async () => {
    router?.close()
    if (isOurs) await pool.end()
    await ownership.afterClose?.()
  }
  let database: Database
  try {
    const take = () => (router ? acquireFirst(guard, acquireMs) : pool.connect())
    const server = await inspectServer(take, target, {
      pool,
      url: isOurs ? url : undefined,
      isOurs,
      isTool,
      embeddedDir: ownership.embeddedDir,
    })
    const limits = { acquireMs, deadlineMs, txDeadlineMs, heartbeatMs }
    database = new Database({ guard, router, server, directUrl, ...limits, nested, logger, release, isTool, closePool })
  } catch (error) {
    await closePool()
    throw error
  }
  await database.announce()
  return database
}

/** DATABASE_DIRECT_URL belongs to DATABASE_URL: beside a url or pool of another database it would lead to the wrong one. */
function findDirectUrl({ url, pool, hosts }: ConnectOptions, fallback: string | undefined): string | undefined {
  if (isPool(pool) || hosts !== undefined) return undefined
  return url === undefined ? (process.env['DATABASE_DIRECT_URL'] ?? fallback) : url
}

interface OpenedPool {
  pool: Pool
  target: Target
  isOurs: boolean
  router?: HostRouter
}

function openPool(url: string | undefined, options: ConnectOptions, ownership: Ownership): OpenedPool {
  const given = options.pool
  const isRouted = options.hosts !== undefined || options.role !== undefined
  if (isRouted) refuseBesideHosts(options, isPool(given))
  if (isPool(given)) return { pool: given, target: readTarget(undefined, given.options, 0), isOurs: false }
  if (given) validateOptions('connect.pool', given, poolOptionTable)
  if (url === undefined) {
    throw coreError('HF_CONNECT_URL_MISSING', 'connect() got no url and DATABASE_URL is not set.')
  }
  const settings = { ...defaultPool, ...dropUndefined(given ?? {}) }
  const target = readTarget(url, {}, settings.connectMs)
  const { applicationName = 'holdfast' } = options
  if (isRouted) {
    const routed = createRoutedPool(url, settings, target, options, ownership.acceptsLowerTimelines !== true)
    return { ...routed, target, isOurs: true }
  }
  return { pool: createPool(url, settings, applicationName), target, isOurs: true }
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

/** With several hosts the first client may meet one that has just gone, and then waits like any later one. */
async function acquireFirst(guard: PoolGuard, waitMs: number): Promise<PoolClient> {
  return await new Promise((resolve, reject) =>
    guard.acquire({ waitMs, signal: undefined }, (error, client) => (client ? resolve(client) : reject(error))),
  )
}

async function inspectServer(
  take: () => Promise<PoolClient>,
  target: Target,
  {
    pool,
    url,
    isOurs,
    isTool,
    embeddedDir,
  }: { pool: Pool; url: string | undefined; isOurs: boolean; isTool: boolean; embeddedDir: string | undefined },
): Promise<ServerInfo> {
  try {
    const client = await take()
    watchClient(client)
    try {
      const { version, major, pid, isCitus } = await readServer(client)
      if (major < OLDEST_MAJOR) throw describeTooOld(version)
      if (isCitus && !isTool) await refuseUnregisteredTables(client)
      const pooler = await detectPooler(client, pid, (ms) => createDirectClient(url, pool, defaultPool.connectMs, ms))
      return { version, major, ownsPool: isOurs, pooler, ...(embeddedDir !== undefined && { embeddedDir }) }
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
