import pg from 'pg'
import { embeddedError } from './errors.js'
import { countRemainingMs, limitPatience, pollUntil, type Patience } from './waiting.js'

interface Target {
  port: number
  password: string
  database: string
}

/** Makes the database if it is missing, and returns the server's version. */
export async function openDatabase(target: Target, patience: Patience): Promise<string> {
  const version = await pollUntil(() => tryOpen(target, patience), patience, 25)
  if (version !== undefined) return version
  throw embeddedError(
    'HF_EMBEDDED_START_TIMEOUT',
    `The server on port ${target.port} accepted no connection in time.`,
    {
      details: { port: target.port },
    },
  )
}

/** undefined: the server is there but not ready to talk, ask again. */
async function tryOpen(target: Target, patience: Patience): Promise<string | undefined> {
  try {
    return await readVersion(target, patience)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === '3D000') return createDatabase(target, patience)
    if (code === '28P01' || code === '28000')
      throw embeddedError(
        'HF_EMBEDDED_PASSWORD',
        `The server on port ${target.port} refuses the password of the folder.`,
        {
          cause: error,
          details: { port: target.port },
        },
      )
    if (isPassing(error)) return undefined
    throw error
  }
}

async function readVersion(target: Target, patience: Patience): Promise<string> {
  return withClient(target, patience, async (client) => {
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return rows[0]?.server_version.split(' ')[0] ?? 'unknown'
  })
}

async function createDatabase(target: Target, patience: Patience): Promise<undefined> {
  const { database } = target
  await withClient({ ...target, database: 'postgres' }, patience, async (client) => {
    try {
      await client.query(`create database ${client.escapeIdentifier(database)}`)
    } catch (error) {
      const { code } = error as { code?: string }
      // Another process made it at the same moment: as duplicate name, or as duplicate key in the catalogue.
      if (code !== '42P04' && code !== '23505') throw error
    }
  })
  return undefined
}

async function withClient<T>(target: Target, patience: Patience, body: (client: pg.Client) => Promise<T>): Promise<T> {
  const waitMs = Math.max(1, countRemainingMs(limitPatience(patience, 10_000)))
  const client = new pg.Client({
    host: '127.0.0.1',
    user: 'postgres',
    ...target,
    // A user's PGSSLMODE=require is meant for another server.
    ssl: false,
    connectionTimeoutMillis: waitMs,
    query_timeout: waitMs,
  })
  // A connection that breaks shows in the call at hand; without a listener it would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await body(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

function isPassing(error: unknown): boolean {
  const { code, message = '' } = error as { code?: string; message?: string }
  // 57P03 cannot connect now, 55006 the template is in use by another creation, 53300 too many connections.
  const passing = ['57P03', '55006', '53300', 'ECONNREFUSED', 'ECONNRESET']
  return (code !== undefined && passing.includes(code)) || /timeout|terminated/i.test(message)
}
