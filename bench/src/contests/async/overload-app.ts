import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { loadPeer } from '../../harness/load-peer.js'
import type { Work } from '../../harness/types.js'

/** What is used of fastify. */
export interface App {
  get(path: string, handler: () => object | Promise<object>): unknown
  register(plugin: unknown, options?: object): unknown
  listen(options: { port: number; host: string }): Promise<unknown>
  close(): Promise<void>
  server: { address(): unknown; closeAllConnections(): void }
}

/** Connections of the route that waits for PostgreSQL. */
export const POOL = 4
/** For how long it waits. @unit s */
const SLEEP_S = 0.006
const block = Buffer.alloc(64 * 1_024, 'overload')

/** So much of the processor as `rounds` say: the same work in every process, however busy the machine is. */
export function burn(rounds: number): string {
  const hash = createHash('sha256')
  for (let n = 0; n < rounds; n++) hash.update(block)
  return hash.digest('hex')
}

/** Two routes: one computes for some milliseconds, one waits for PostgreSQL over a small pool. */
export async function openApp(url: string, protect: (app: App) => Promise<void>): Promise<Work> {
  const rounds = Number(process.env['OVERLOAD_ROUNDS'])
  const { default: fastify } = await loadPeer<{ default: (options: object) => App }>('fastify')
  const pool = new pg.Pool({ connectionString: url, max: POOL })
  const app = fastify({ keepAliveTimeout: 0 })
  await protect(app)
  app.get('/cpu', () => ({ digest: burn(rounds) }))
  app.get('/db', async () => {
    await pool.query('select pg_sleep($1)', [SLEEP_S])
    return { slept: SLEEP_S }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const nothing = { operations: 0, seconds: 0, cpuUs: 0 }
  return {
    operations: {},
    measures: {
      listen: async () => await Promise.resolve({ ...nothing, samples: [(app.server.address() as AddressInfo).port] }),
    },
    close: async () => {
      app.server.closeAllConnections()
      await app.close()
      await pool.end()
    },
  }
}
