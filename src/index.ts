// STAND-IN until the core lands from main: the smallest `connect` that lets the box office run. Main's file replaces it.
import pg from 'pg'
import { createRequest, runWithRequest } from './core/context.js'
import { Histogram } from './core/histogram.js'
import type { ConnectOptions, Db, Queryable, RouteStats, Tx, TxOptions } from './core/types.js'

export { currentRequest } from './core/context.js'
export type { RequestContext } from './core/context.js'
export { HoldfastError, isHoldfastError } from './core/errors.js'
export type * from './core/types.js'

type Runner = Pick<pg.Pool, 'query'>

function queryable(runner: Runner): Queryable {
  const query = (text: string, params: readonly unknown[] = []) => runner.query(text, [...params])
  return {
    query: query as Queryable['query'],
    sql: (async (strings: TemplateStringsArray, ...values: readonly unknown[]) =>
      (
        await query(
          strings.reduce((text, part, index) => `${text}$${index}${part}`),
          values,
        )
      ).rows) as Queryable['sql'],
  }
}

function createTx(client: pg.PoolClient, effects: (() => void | Promise<void>)[]): Tx {
  return {
    ...queryable(client as unknown as Runner),
    afterCommit: (effect: () => void | Promise<void>) => void effects.push(effect),
    savepoint: () => Promise.reject(new Error('stand-in')),
  } as unknown as Tx
}

export async function connect(options: ConnectOptions = {}): Promise<Db> {
  const pool =
    options.pool instanceof pg.Pool ? options.pool : new pg.Pool({ connectionString: options.url, ...options.pool })
  pool.on('error', () => {})
  const routes = new Map<string, RouteStats & { latency: Histogram }>()

  async function tx<T>(body: (tx: Tx) => Promise<T>, settings: TxOptions = {}): Promise<T> {
    const client = await pool.connect()
    const effects: (() => void | Promise<void>)[] = []
    try {
      await client.query(`begin ${settings.isolation ? `isolation level ${settings.isolation}` : ''}`)
      const result = await body(createTx(client, effects))
      await client.query('commit')
      client.release()
      for (const effect of effects) await effect()
      return result
    } catch (error) {
      await client.query('rollback').then(
        () => client.release(),
        () => client.release(true),
      )
      throw error
    }
  }

  const version = String((await pool.query('show server_version')).rows[0]?.server_version)
  return {
    ...queryable(pool),
    server: { version, major: Number.parseInt(version, 10), ownsPool: true },
    pool,
    tx,
    listen: () => Promise.reject(new Error('stand-in')),
    runRequest: async (init, body) => {
      const context = createRequest(init)
      try {
        return await runWithRequest(context, () => body(context))
      } finally {
        const row = routes.get(context.route) ?? { count: 0, errors: 0, latency: new Histogram() }
        routes.set(context.route, { ...row, count: row.count + 1, errors: row.errors + Number(context.status >= 500) })
      }
    },
    stats: () => ({ routes }) as unknown as ReturnType<Db['stats']>,
    migrate: () => Promise.resolve({ applied: [] }),
    close: async () => {
      if (!pool.ended) await pool.end()
    },
  }
}
