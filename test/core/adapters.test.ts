import { drizzle as drizzlePg, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { drizzle as drizzleJs, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { currentRequest, fromDrizzle, fromKysely, fromPostgresJs, type Tx } from '../../src/index.js'
import { readSqlstate } from '../../src/core/index.js'
import { describeTx, type TxSubject } from '../conformance/tx.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

interface Schema {
  theirs: { id: number; text: string | null }
}
const theirs = pgTable('theirs', { id: integer('id').primaryKey(), text: text('text') })

let box: TestDatabase
let pool: pg.Pool
let js: postgres.Sql
let jsOfDrizzle: postgres.Sql
let kysely: Kysely<Schema>
let overPg: NodePgDatabase & { $client: pg.Pool }
let overJs: PostgresJsDatabase

beforeAll(async () => {
  box = await openTestDatabase()
  pool = new pg.Pool({ connectionString: box.url, max: 4 })
  js = postgres(box.url, { max: 4, onnotice: () => {} })
  // drizzle changes the parsers of the client it is given.
  jsOfDrizzle = postgres(box.url, { max: 4, onnotice: () => {} })
  kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] })
  overPg = drizzlePg({ client: pool })
  overJs = drizzleJs(jsOfDrizzle)
  await box.db.query('create table theirs (id int primary key, text text)')
  await box.db.query('create table ours (id int primary key, made_at timestamptz default now())')
})
beforeEach(async () => void (await box.db.query('truncate theirs, ours')))
afterAll(async () => {
  await Promise.all([pool.end(), js.end(), jsOfDrizzle.end()])
  await box.close()
})

const noCancel = { cancelsOnServer: false, tellsCommand: true }
const subjects: TxSubject[] = [
  {
    name: 'core',
    cancelsOnServer: true,
    tellsCommand: true,
    begin: async <T>(body: (tx: Tx) => Promise<T>) => await box.db.tx(body),
  },
  {
    name: 'drizzle over node-postgres',
    ...noCancel,
    begin: async <T>(body: (tx: Tx) => Promise<T>) =>
      await overPg.transaction(async (tx) => await body(fromDrizzle(tx))),
  },
  {
    name: 'drizzle over postgres.js',
    cancelsOnServer: true,
    tellsCommand: true,
    begin: async <T>(body: (tx: Tx) => Promise<T>) =>
      await overJs.transaction(async (tx) => await body(fromDrizzle(tx))),
  },
  {
    name: 'kysely over node-postgres',
    cancelsOnServer: false,
    tellsCommand: false,
    begin: async <T>(body: (tx: Tx) => Promise<T>) =>
      await kysely.transaction().execute(async (trx) => await body(fromKysely(trx))),
  },
  {
    name: 'postgres.js',
    cancelsOnServer: true,
    tellsCommand: true,
    begin: async <T>(body: (tx: Tx) => Promise<T>) =>
      (await js.begin(async (inner) => await body(fromPostgresJs(inner)))) as T,
  },
]

for (const subject of subjects) describeTx(subject, () => box.db)

/** A write of theirs and one of ours in one transaction of theirs. */
type Both = (fails: boolean) => Promise<unknown>
const saveOurs = async (tx: Tx, fails: boolean) => {
  await tx.sql`insert into ours (id) values (${1})`
  if (fails) throw new Error('roll back')
}
const both: [string, Both][] = [
  ['kysely', async (fails) =>
    await kysely.transaction().execute(async (trx) => {
      await trx.insertInto('theirs').values({ id: 1, text: 'k' }).execute()
      await saveOurs(fromKysely(trx), fails)
    })],
  ['a controlled transaction of kysely', async (fails) => {
    const trx = await kysely.startTransaction().execute()
    await trx.insertInto('theirs').values({ id: 1, text: 'k' }).execute()
    await saveOurs(fromKysely(trx), false)
    if (fails) await trx.rollback().execute()
    else await trx.commit().execute()
    if (fails) throw new Error('roll back')
  }],
  ['drizzle over node-postgres', async (fails) =>
    await overPg.transaction(async (tx) => {
      await tx.insert(theirs).values({ id: 1, text: 'd' })
      await saveOurs(fromDrizzle(tx), fails)
    })],
  ['drizzle over postgres.js', async (fails) =>
    await overJs.transaction(async (tx) => {
      await tx.insert(theirs).values({ id: 1, text: 'd' })
      await saveOurs(fromDrizzle(tx), fails)
    })],
  ['postgres.js', async (fails) =>
    await js.begin(async (inner) => {
      await inner`insert into theirs values (${1}, ${'p'})`
      await saveOurs(fromPostgresJs(inner), fails)
    })],
] // prettier-ignore

const countBoth = async () =>
  (await box.db.sql`select (select count(*)::int from theirs) as theirs, (select count(*)::int from ours) as ours`)[0]

describe.each(both)('one transaction with %s', (_name, run) => {
  test('commits both or neither', async () => {
    await expect(run(true)).rejects.toThrow('roll back')
    expect(await countBoth()).toEqual({ theirs: 0, ours: 0 })
    await run(false)
    expect(await countBoth()).toEqual({ theirs: 1, ours: 1 })
  })
})

describe('what an adapter refuses', () => {
  const notATransaction = { code: 'HF_ADAPTER_NOT_A_TRANSACTION', fix: expect.stringContaining('callback') as string }

  test('the database in place of its transaction', async () => {
    // @ts-expect-error a Kysely is no transaction
    expect(() => fromKysely(kysely)).toThrow(expect.objectContaining(notATransaction))
    // @ts-expect-error a drizzle database has no rollback()
    expect(() => fromDrizzle(overPg)).toThrow(expect.objectContaining(notATransaction))
    // @ts-expect-error a drizzle database has no rollback()
    expect(() => fromDrizzle(overJs)).toThrow(expect.objectContaining(notATransaction))
    // @ts-expect-error only the sql of sql.begin has savepoint()
    expect(() => fromPostgresJs(js)).toThrow(expect.objectContaining(notATransaction))
    const reserved = await js.reserve()
    // @ts-expect-error a reserved connection is in no transaction
    expect(() => fromPostgresJs(reserved)).toThrow(expect.objectContaining(notATransaction))
    reserved.release()
    await kysely.connection().execute(async (one) => {
      // @ts-expect-error a connection is in no transaction
      expect(() => fromKysely(one)).toThrow(expect.objectContaining(notATransaction))
    })
    for (const wrong of [undefined, null, {}, 'tx', pool]) {
      for (const adapt of [fromKysely, fromDrizzle, fromPostgresJs])
        expect(() => adapt(wrong as never)).toThrow(expect.objectContaining(notATransaction))
    }
  })

  test('afterCommit, because nobody would call it', async () => {
    await kysely.transaction().execute(async (trx) => {
      const tx = fromKysely(trx)
      expect(tx.seesCommit).toBe(false)
      const refusal = { code: 'HF_TX_COMMIT_UNSEEN', fix: 'Poll, or begin the transaction with db.tx.' }
      expect(() => tx.afterCommit(() => {})).toThrow(expect.objectContaining(refusal))
    })
    expect(await box.db.tx(async (tx) => tx.seesCommit)).toBe(true)
  })

  test('a transaction of kysely that has ended', async () => {
    const kept = await kysely.transaction().execute(async (trx) => fromKysely(trx))
    await expect(kept.query('select 1')).rejects.toThrow(/committed/)
  })
})

describe('what differs by library', () => {
  test('plugins of kysely do not rename our columns', async () => {
    const rows = await kysely.transaction().execute(async (trx) => await fromKysely(trx).sql`select 1 as made_at`)
    expect(rows).toEqual([{ made_at: 1 }])
  })

  test('dates, numerics and bigints as they arrive', async () => {
    const read = async (tx: Tx) =>
      (
        await tx.sql`select timestamptz 'epoch' as at, date '2024-02-29' as day, 1.50 as exact, 7::bigint as big,
        interval '90 minutes' as span, '{"a":1}'::jsonb as doc`
      )[0] as Record<string, unknown>
    const seen: Record<string, string> = {}
    for (const { name, begin } of subjects) {
      const row = await begin(read)
      expect(row).toMatchObject({ exact: '1.50', big: '7', doc: { a: 1 } })
      seen[name] = `${row['at'] instanceof Date} ${row['day'] instanceof Date} ${typeof row['span']}`
    }
    expect(seen).toEqual({
      core: 'true true object',
      'drizzle over node-postgres': 'false false string',
      'drizzle over postgres.js': 'false false string',
      'kysely over node-postgres': 'true true object',
      'postgres.js': 'true true string',
    })
  })

  test('a swallowed failure: who commits nothing and says so', async () => {
    const swallow = async (tx: Tx) => void (await tx.query('select 1/0').catch(() => {}))
    const outcome: Record<string, string> = {}
    for (const { name, begin } of subjects)
      outcome[name] = await begin(swallow).then(
        () => 'says it committed',
        () => 'rejects',
      )
    expect(outcome).toEqual({
      core: 'rejects',
      'drizzle over node-postgres': 'says it committed',
      'drizzle over postgres.js': 'rejects',
      'kysely over node-postgres': 'rejects',
      'postgres.js': 'rejects',
    })
  })

  test('a session that the server ends has the code it has in core', async () => {
    // Not on the real libraries: a checked-out client of theirs that breaks can end the process.
    const fatal = Object.assign(new Error('terminating connection'), { severity: 'FATAL', code: '57P01' })
    const trx = {
      isTransaction: true as const,
      withoutPlugins: () => trx,
      executeQuery: async (): Promise<{ rows: unknown[] }> => await Promise.reject(fatal),
    }
    await expect(fromKysely(trx).query('select 1')).rejects.toMatchObject({
      code: 'HF_QUERY_CONNECTION_LOST',
      cause: fatal,
    })
  })

  test('postgres.js without prepared statements', async () => {
    const plain = postgres(box.url, { max: 1, prepare: false })
    const rows = await plain.begin(
      async (inner) => await fromPostgresJs(inner).query('select $1::int as n', [1], { name: 'n' }),
    )
    expect(rows.rows).toEqual([{ n: 1 }])
    await plain.end()
  })

  test('errors of postgres.js hold the SQLSTATE where readSqlstate looks', async () => {
    const error = await js.begin(async (inner) => await fromPostgresJs(inner).query('selec')).catch((e: unknown) => e)
    expect(readSqlstate(error)).toBe('42601')
  })

  test('what it spends is counted for the request', async () => {
    await box.db.runRequest({ route: 'GET /' }, async () => {
      await kysely.transaction().execute(async (trx) => {
        await fromKysely(trx).sql`select 1`
        await trx.selectFrom('theirs').selectAll().execute()
        await fromKysely(trx).sql`select 2`
      })
      expect(currentRequest()).toMatchObject({ queries: 2 })
      expect(currentRequest()?.sqlMs).toBeGreaterThan(0)
    })
  })
})
