import type { Pool } from 'pg'
import pg from 'pg'
import type { Target } from './connect-errors.js'
import { setDirectClients } from './driver.js'
import { coreError } from './error-table.js'
import { nameAddress, parseHosts } from './host-address.js'
import { defineHostClient } from './host-client.js'
import { HostRouter } from './host-router.js'
import { stderrLogger } from './logger.js'
import type { ConnectOptions, PoolOptions } from './types.js'

type ClientClass = new (config?: pg.ClientConfig) => pg.Client

/** A pool for the one host of the url. */
export function createPool(url: string, settings: Required<PoolOptions>, applicationName: string): Pool {
  // The pool's own timeout would also end waiting callers, with a message that tells nothing; the client's only ends logins.
  class PatientClient extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connectionTimeoutMillis: settings.connectMs })
    }
  }
  return createPoolOf(PatientClient, url, settings, applicationName)
}

/** A pool whose clients go where a router says, `connectMs` being the deadline for each host. */
export function createRoutedPool(
  url: string,
  settings: Required<PoolOptions>,
  target: Target,
  { hosts, role = 'primary', acquireMs = 5_000, applicationName = 'holdfast', logger = stderrLogger }: ConnectOptions,
  refusesLowerTimelines: boolean,
): { pool: Pool; router: HostRouter } {
  const { connectMs: hostMs } = settings
  const router = new HostRouter({
    hosts: hosts === undefined ? [nameAddress(target.host, target.port)] : parseHosts(hosts, target.port),
    role,
    config: { connectionString: url, application_name: applicationName },
    hostMs,
    findMs: acquireMs,
    refusesLowerTimelines,
    logger,
  })
  const HostClient = defineHostClient(router, hostMs)
  const pool = createPoolOf(HostClient, url, settings, applicationName)
  router.attach(pool)
  setDirectClients(pool, () => new HostClient({ connectionString: url, keepAlive: true }, true))
  return { pool, router }
}

/** Refuses what would silently lead past the hosts. */
export function refuseBesideHosts({ url, directUrl }: ConnectOptions, isOwnPool: boolean): void {
  const isElsewhere = directUrl !== undefined && directUrl !== url
  if (!isOwnPool && !isElsewhere) return
  const what = isOwnPool ? 'a pool of yours' : 'directUrl'
  throw coreError('HF_OPTIONS_INVALID', `connect.hosts and connect.role cannot be used with ${what}.`, {
    fix: 'Give hosts (past any pooler) and a url; LISTEN and migrations use the same host as the pool.',
  })
}

function createPoolOf(
  Client: ClientClass,
  url: string,
  { max, idleMs }: Required<PoolOptions>,
  applicationName: string,
): Pool {
  return new pg.Pool({
    connectionString: url,
    max,
    idleTimeoutMillis: idleMs,
    application_name: applicationName,
    keepAlive: true,
    Client: Client as unknown as new () => pg.ClientBase,
  })
}
