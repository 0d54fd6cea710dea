import { dirname } from 'node:path'
import type { PoolConfig } from 'pg'

/** What leads to the database of somebody's pool. Its password is no field that copying would find. */
export function readPoolConfig(pool: { options: PoolConfig }): PoolConfig {
  const { host, port, user, password, database, ssl, connectionString, stream, Client } = pool.options
  return dropUndefined({ host, port, user, password, database, ssl, connectionString, stream, Client })
}

/** Of a client that belongs to no pool. */
export function readClientConfig(client: object): PoolConfig {
  const { connectionParameters, ssl } = client as { connectionParameters: PoolConfig; ssl: PoolConfig['ssl'] }
  const { host, port, user, password, database } = connectionParameters
  return dropUndefined({ host, port, user, password, database, ssl })
}

/** What `sql.options` of postgres.js holds. */
export interface PostgresOptions {
  host: readonly string[]
  port: readonly number[]
  database: string
  user: string
  pass: PoolConfig['password'] | null
  path?: string | false
  ssl?: boolean | string | object
}

export function readPostgresConfig({ host, port, database, user, pass, path, ssl }: PostgresOptions): PoolConfig {
  return dropUndefined({
    host: typeof path === 'string' && path !== '' ? dirname(path) : host[0],
    port: port[0],
    database,
    user,
    password: pass ?? undefined,
    ssl: readSsl(ssl),
  })
}

/** postgres.js' words: `require`, `allow` and `prefer` check no certificate, `verify-full` does. */
function readSsl(ssl: PostgresOptions['ssl']): PoolConfig['ssl'] {
  if (typeof ssl !== 'string') return ssl
  return ssl === 'verify-full' ? true : { rejectUnauthorized: false }
}

function dropUndefined(config: PoolConfig): PoolConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
}
