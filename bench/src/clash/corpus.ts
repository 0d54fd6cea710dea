import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import knex, { type Knex } from 'knex'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import postgres from 'postgres'
import { DataSource, type EntitySchema } from 'typeorm'

/** What a handler is given: parameters of the path, the query and the body in one. */
export type Input = Readonly<Record<string, unknown>>

export interface Answer {
  status: number
  body?: unknown
}

/** A handler that throws has answered 500. */
export type Handler<Handle> = (db: Handle, input: Input) => Promise<Answer>

export type Call = readonly [route: string, input: Input]

/**
 * Two requests, aimed at each other. `clash`: some interleaving of their statements ends as neither order of the two would.
 * `safe`: none does. The label is proven by replay.
 */
export interface LabelledPair {
  label: 'clash' | 'safe'
  /** In the author's words: 'lost update', 'write skew', 'late lock', … */
  kind: string
  first: Call
  second: Call
  /** Why the statements do not show it: the body of a function, an earlier request, a guard outside of the database. */
  hidden?: string
}

export interface App {
  call(route: string, input: Input): Promise<Answer>
  close(): Promise<void>
}

export interface ClashCase {
  name: string
  style: Style
  /** Tables, indexes, functions. */
  schema: string
  /** Rows that are there before any request; for the traffic and, anew, for each pair. */
  seed: string
  routes: readonly string[]
  /** Ordinary requests, one after the other; each kind of answer that users see should be among them. */
  traffic: readonly Call[]
  pairs: readonly LabelledPair[]
  open(url: string): Promise<App>
}

export type Style = 'pg' | 'postgres.js' | 'drizzle' | 'kysely' | 'knex' | 'typeorm'

type Given<Handle> = Omit<ClashCase, 'style' | 'routes' | 'open'> & { routes: Record<string, Handler<Handle>> }

const CONNECTIONS = 4

export const pgCase = (given: Given<pg.Pool>): ClashCase =>
  makeCase('pg', given, (url) => {
    const pool = openPool(url)
    return { handle: pool, close: async () => await pool.end() }
  })

export const drizzleCase = (given: Given<NodePgDatabase>): ClashCase =>
  makeCase('drizzle', given, (url) => {
    const pool = openPool(url)
    return { handle: drizzle(pool), close: async () => await pool.end() }
  })

/** `Tables` is the type of the case's own tables. */
export const kyselyCase = <Tables>(given: Given<Kysely<Tables>>): ClashCase =>
  makeCase('kysely', given, (url) => {
    const handle = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: openPool(url) }) })
    return { handle, close: async () => await handle.destroy() }
  })

export const knexCase = (given: Given<Knex>): ClashCase =>
  makeCase('knex', given, (url) => {
    const handle = knex({ client: 'pg', connection: url, pool: { min: 0, max: CONNECTIONS } })
    return { handle, close: async () => await handle.destroy() }
  })

export const typeormCase = (entities: EntitySchema[], given: Given<DataSource>): ClashCase =>
  makeCase('typeorm', given, async (url) => {
    const handle = new DataSource({ type: 'postgres', url, entities, extra: { max: CONNECTIONS } })
    await handle.initialize()
    return { handle, close: async () => await handle.destroy() }
  })

export const postgresJsCase = (given: Given<postgres.Sql>): ClashCase =>
  makeCase('postgres.js', given, (url) => {
    const handle = postgres(url, { max: CONNECTIONS, onnotice: () => {} })
    return { handle, close: async () => await handle.end({ timeout: 1 }) }
  })

interface Opened<Handle> {
  handle: Handle
  close: () => Promise<void>
}

function makeCase<Handle>(
  style: Style,
  given: Given<Handle>,
  openHandle: (url: string) => Opened<Handle> | Promise<Opened<Handle>>,
): ClashCase {
  const { routes, ...rest } = given
  return {
    ...rest,
    style,
    routes: Object.keys(routes),
    open: async (url) => {
      const { handle, close } = await openHandle(url)
      const call = async (route: string, input: Input) => {
        const handler = routes[route]
        if (!handler) throw new Error(`${given.name} has no route ${route}.`)
        return await handler(handle, input)
      }
      return { call, close }
    },
  }
}

function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS })
  // A session that is ended while the database is dropped.
  pool.on('error', () => {})
  return pool
}
