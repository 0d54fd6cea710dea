import pg from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readDeploy, watch, type Watch } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'

let box: TestDatabase
const closers: (() => Promise<unknown>)[] = []
const options = { flushMs: 60_000, logger: quietLogger }

beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table thing (id int primary key, name text)')
  await box.db.query(`insert into thing select n, 'thing ' || n from generate_series(1, 5) n`)
})
beforeEach(async () => {
  await box.db.query('delete from holdfast.watch_series')
  await box.db.query('delete from holdfast.watch_statements')
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(async () => await box.close())

const openPool = (max = 2) => {
  const pool = new pg.Pool({ connectionString: box.url, max })
  closers.push(async () => await pool.end())
  return pool
}
const openSql = (settings: postgres.Options<Record<string, never>> = {}) => {
  const sql = postgres(box.url, { max: 2, onnotice: () => {}, ...settings })
  closers.push(async () => await sql.end())
  return sql
}
const keep = async (opening: Promise<Watch>) => {
  const watching = await opening
  closers.push(async () => await watching.stop())
  return watching
}
const countsOf = async (watching: Watch, route: string) => {
  await watching.flush()
  const statements = await watching.inspect.statements({ route })
  return Object.fromEntries(
    statements.map(({ text, calls, rowsPerCall, errors }) => [text, [calls, rowsPerCall, errors]]),
  )
}

describe('a pool of node-postgres', () => {
  test('is watched over connections of its own', async () => {
    const pool = openPool()
    const watching = await keep(watch(pool, options))
    await pool.query('select name from thing where id < $1', [4])
    await expect(pool.query('select * from nothing')).rejects.toMatchObject({ code: '42P01' })
    await watching.runRequest({ route: 'GET /things' }, async (request) => {
      const client = await pool.connect()
      await client.query('select count(*) from thing')
      client.release()
      await pool.query('select id from thing')
      expect([request.queries, request.sqlMs > 0, request.poolMs > 0]).toEqual([2, true, true])
    })
    expect(await countsOf(watching, '(none)')).toEqual({
      'select name from thing where id < $1': [1, 3, 0],
      'select * from nothing': [1, 0, 1],
    })
    expect(await countsOf(watching, 'GET /things')).toEqual({
      'select count(*) from thing': [1, 1, 0],
      'select id from thing': [1, 5, 0],
    })
    const [route] = await watching.inspect.routes({ route: 'GET /things' })
    expect(route).toMatchObject({ requests: 1, errors: 0 })
    expect(pool.totalCount).toBeLessThanOrEqual(2)
    const names = await box.db.sql<{ n: number }>`
      select count(*)::int as n from pg_stat_activity
       where datname = current_database() and application_name = 'holdfast:watch'`
    expect(names).toEqual([{ n: expect.toSatisfy((n: number) => n >= 1 && n <= 3) as number }])
  })

  test('statements that waited for a connection belong to who asked for them', async () => {
    const pool = openPool(1)
    const watching = await keep(watch(pool, options))
    const serve = async (route: string, text: string) =>
      await watching.runRequest({ route }, async () => void (await pool.query(text)))
    await Promise.all([
      serve('GET /first', 'select pg_sleep(0.05)'),
      serve('GET /second', 'select id from thing'),
      serve('GET /third', 'select name from thing'),
    ])
    expect(Object.keys(await countsOf(watching, 'GET /second'))).toEqual(['select id from thing'])
    expect(Object.keys(await countsOf(watching, 'GET /third'))).toEqual(['select name from thing'])
    const [second] = await watching.inspect.routes({ route: 'GET /second' })
    expect(second?.wait.p50).toBeGreaterThan(30)
  })

  test('a failure that nobody waits for is still told as such', async () => {
    const pool = openPool()
    await keep(watch(pool, options))
    const client = await pool.connect()
    const unhandled = new Promise((resolve) => {
      const before = process.listeners('unhandledRejection')
      process.removeAllListeners('unhandledRejection')
      process.once('unhandledRejection', (error) => {
        for (const listener of before) process.on('unhandledRejection', listener)
        resolve(error)
      })
    })
    void client.query('select * from nothing')
    expect(await unhandled).toMatchObject({ code: '42P01' })
    client.release()
  })

  test('is as it was once it is no longer watched', async () => {
    const pool = openPool()
    const watching = await watch(pool, options)
    await expect(watch(pool, options)).rejects.toMatchObject({ code: 'HF_WATCH_TWICE' })
    await pool.query('select 1')
    await watching.stop()
    expect(Object.hasOwn(pool, 'connect')).toBe(false)
    const client = await pool.connect()
    expect(Object.hasOwn(client, 'query')).toBe(false)
    client.release()
    await keep(watch(pool, options))
  })
})

describe('an sql of postgres.js', () => {
  test('is watched, its transactions and cursors too, and no other one', async () => {
    const [sql, other] = [openSql(), openSql()]
    const watching = await keep(watch(sql, options))
    await watching.runRequest({ route: 'GET /things' }, async (request) => {
      await sql`select name from thing where id = ${1}`
      await sql.begin(async (tx) => await tx`select id from thing`)
      for await (const rows of sql`select id, name from thing`.cursor(2)) expect(rows.length).toBeGreaterThan(0)
      await sql.unsafe('select 1; select 2, 3')
      await expect(sql`select * from nothing`).rejects.toMatchObject({ code: '42P01' })
      expect([request.queries, request.sqlMs > 0, request.poolMs > 0]).toEqual([7, true, true])
    })
    await other`select count(*) from thing`
    const counts = await countsOf(watching, 'GET /things')
    expect(counts).toMatchObject({
      'select name from thing where id = $1': [1, 1, 0],
      begin: [1, 0, 0],
      'select id from thing': [1, 5, 0],
      commit: [1, 0, 0],
      'select * from nothing': [1, 0, 1],
    })
    expect(Object.keys(counts)).toHaveLength(7)
    expect(await countsOf(watching, '(none)')).toEqual({})
  })

  test('waits for a connection apart from its statement', async () => {
    const sql = openSql({ max: 1, max_pipeline: 1 } as never)
    const watching = await keep(watch(sql, options))
    await sql`select 1`
    const slow = sql.begin(async (tx) => await tx`select pg_sleep(0.1)`)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await watching.runRequest({ route: 'GET /quick' }, async (request) => {
      await sql`select id from thing`
      expect(request.poolMs).toBeGreaterThan(40)
      expect(request.sqlMs).toBeLessThan(request.poolMs)
    })
    await slow
  })
})

test('what is seen may be kept elsewhere', async () => {
  const elsewhere = await openTestDatabase()
  closers.push(async () => await elsewhere.close())
  const pool = openPool()
  const watching = await keep(watch(pool, { ...options, url: elsewhere.url }))
  await pool.query('select name from thing')
  expect(await countsOf(watching, '(none)')).toEqual({ 'select name from thing': [1, 5, 0] })
  expect(await box.db.sql`select 1 from holdfast.watch_series`).toEqual([])
})

test.each([
  [{ HOLDFAST_DEPLOY: ' v7 ', GIT_SHA: 'abc', npm_package_version: '1.2.3' }, 'v7'],
  [{ HOLDFAST_DEPLOY: '', GIT_SHA: 'abc' }, 'abc'],
  [{ npm_package_version: '1.2.3' }, '1.2.3'],
  [{ GIT_SHA: 'x'.repeat(200) }, 'x'.repeat(100)],
  [{}, ''],
])('what was deployed: %o', (env, expected) => {
  expect(readDeploy(env)).toBe(expected)
})
