import type { Queryable, QueryOptions } from 'holdfast'
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type Compilable,
} from 'kysely'
import type { Tables } from './tables.js'

/**
 * Makes a builder that has no driver. It writes SQL and infers row types; only holdfast talks to the database, so no
 * query can slip past its pool guard, deadlines and figures.
 */
export function createQueryBuilder<Schema>(): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (builder) => new PostgresIntrospector(builder),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  })
}

/** Builds queries on the box office's tables. */
export const qb = createQueryBuilder<Tables>()

/** Runs a built query and gives its rows, typed by the query itself. */
export async function run<Row>(on: Queryable, query: Compilable<Row>, options?: QueryOptions): Promise<Row[]> {
  const { sql, parameters } = query.compile()
  const result = await on.query(sql, parameters, options)
  return result.rows as Row[]
}

/** Runs a built query that gives at most one row. */
export async function runOne<Row>(on: Queryable, query: Compilable<Row>): Promise<Row | undefined> {
  const rows = await run(on, query)
  return rows[0]
}
