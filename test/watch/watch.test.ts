import pg from 'pg'
import { drizzle } from 'drizzle-orm/node-postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo, currentRequest, type Db } from '../../src/core/index.js'
import { watch, type Finding, type Watch, type WatchOptions } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'

let box: TestDatabase
const opened: { close(): Promise<void> }[] = []

beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table thing (id int primary key, name text, owner int)')
  await box.db.query(`insert into thing select n, 'thing ' || n, n % 10 from generate_series(1, 100) n`)
})
beforeEach(async () => {
  await box.db.query('delete from holdfast.watch_series')
  await box.db.query('delete from holdfast.watch_statements')
})
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})
afterAll(async () => {
  await box.close()
})

/** A process that watches; it writes when it is told to. */
async function openWatch(options: WatchOptions = {}): Promise<{ db: Db; watching: Watch }> {
  const db = await connectTo({ url: box.url, directUrl: box.url, heartbeatMs: 600_000, pool: { max: 4 } })
  const watching = await watch(db, { flushMs: 60_000, logger: quietLogger, clash: false, ...options })
  opened.push({ close: async () => await db.close() }, { close: async () => await watching.stop() })
  return { db, watching }
}

const serve = async (db: Db, route: string, body: () => Promise<unknown>) =>
  await db.runRequest({}, async (context) => {
    // A router tells the route when it has matched.
    context.route = route
    await body()
  })
const textsOf = async (watching: Watch, route: string) =>
  (await watching.inspect.statements({ route })).map(({ text }) => text).toSorted()

describe('statements', () => {
  test('are seen by route, whoever sends them', async () => {
    const { db, watching } = await openWatch()
    const orm = drizzle(db.pool)
    await serve(db, 'GET /things', async () => {
      await db.query('select * from thing where id = $1', [7])
      await db.sql`select name from thing where owner = ${3}`
      await db.pool.query('select count(*) from thing')
      await orm.execute('select max(id) from thing')
      await db.tx(async (tx) => {
        await tx.query('update thing set owner = owner where id = $1', [1])
        await tx.batch([{ text: 'select 1' }, { text: 'select 2' }])
      })
      const client = await db.pool.connect()
      await new Promise((resolve) => client.query('select min(id) from thing', resolve))
      await new Promise((resolve) => client.query(new pg.Query('select now()', [], resolve as () => void)))
      client.release()
    })
    await watching.flush()
    expect(await textsOf(watching, 'GET /things')).toEqual([
      '(several statements in one flight)',
      'commit',
      'select * from thing where id = $1',
      'select count(*) from thing',
      'select max(id) from thing',
      'select min(id) from thing',
      'select name from thing where owner = $1',
      'select now()',
      'update thing set owner = owner where id = $1',
    ])
    const [first] = await watching.inspect.statements({ route: 'GET /things', limit: 1 })
    expect(first?.latency.p50).toBeGreaterThan(0)
  })

  test('say how many rows and bytes they brought, how often they ran in a request, and what failed', async () => {
    const { db, watching } = await openWatch()
    for (const amount of [1, 10])
      await serve(db, 'GET /list', async () => {
        for (let n = 0; n < amount; n++) await db.query('select * from thing where owner = $1', [n])
        await db.query('select no_such_column from thing').catch(() => undefined)
      })
    await watching.flush()
    const rows = await watching.inspect.statements({ route: 'GET /list' })
    const good = rows.find(({ text }) => text.includes('owner'))
    expect(good).toMatchObject({ calls: 11, errors: 0, callsPerRequest: 5.5, mostCalls: 10, rowsPerCall: 10 })
    // Ten rows of about twenty bytes, and what the protocol says about them.
    expect(good?.bytesPerCall).toBeGreaterThan(200)
    expect(good?.bytesPerCall).toBeLessThan(2_000)
    expect(rows.find(({ text }) => text.includes('no_such'))).toMatchObject({ calls: 2, errors: 2, rowsPerCall: 0 })
    expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
  })

  test('are one whatever literals they have; no literal, parameter or comment is stored', async () => {
    const { db, watching } = await openWatch()
    await serve(db, 'GET /secret', async () => {
      await db.query(`select * from thing where name = 'hush-1' and id in (1, 2)`)
      await db.query(`select * from thing  where name = 'hush-2' and id in (1, 2, 3) -- hush-3`)
      await db.query(`/* traceparent='hush-4' */ select id from thing where name = $1`, ['hush-5'])
      await db.query(`select * from thing where "name" = $hush$hush-6$hush$`).catch(() => undefined)
      await db.query(`selec 'hush-7'`).catch(() => undefined)
      await db.query(`set application_name = 'hush-8'`)
    })
    await watching.flush()
    expect(await textsOf(watching, 'GET /secret')).toEqual([
      '(a statement that PostgreSQL’s parser does not know)',
      'select * from thing where "name" = $1',
      'select * from thing where name = $1 and id in ($2, $3)',
      'select id from thing where name = $1',
      'set application_name = $1',
    ])
    const stored = await box.db.query('select s.*, q.* from holdfast.watch_series s, holdfast.watch_statements q')
    expect(JSON.stringify(stored.rows)).not.toContain('hush-')
  })

  test('beyond `maxSeries` are counted together, by route', async () => {
    const { db, watching } = await openWatch({ maxSeries: 10 })
    await serve(db, 'GET /many', async () => {
      for (let n = 0; n < 25; n++) await db.query(`select * from thing_${n}`).catch(() => undefined)
    })
    await watching.flush()
    const rows = await watching.inspect.statements({ route: 'GET /many' })
    expect(rows).toHaveLength(11)
    expect(rows.find(({ text }) => text === '(overflow)')).toMatchObject({ calls: 15 })
    // What the flush itself runs is beyond, too.
    expect(watching.stats()).toMatchObject({ series: 10, lostMinutes: 0 })
    expect(watching.stats().overflows).toBeGreaterThanOrEqual(15)
  })

  test('of a transaction are its own request’s, whoever opened the connection', async () => {
    const { db, watching } = await openWatch()
    await serve(db, 'GET /opener', async () => await db.query('select 1'))
    await serve(db, 'GET /tx', async () => {
      // Without parameters BEGIN goes ahead alone, and with a read-only one its settings do.
      await db.tx(async (tx) => await tx.query('select max(owner) from thing'))
      await db.tx(async (tx) => await tx.query('select min(owner) from thing'), {
        readOnly: true,
        isolation: 'serializable',
      })
    })
    await watching.flush()
    expect(await textsOf(watching, 'GET /opener')).toEqual(['select $1'])
    expect(await textsOf(watching, 'GET /tx')).toEqual(
      expect.arrayContaining(['select max(owner) from thing', 'select min(owner) from thing']),
    )
  })

  test('outside of requests, and after their request has ended, are counted too', async () => {
    const { db, watching } = await openWatch()
    await db.query('select 1')
    let late: Promise<unknown> = Promise.resolve()
    await serve(db, 'GET /late', async () => {
      late = new Promise((resolve) => setImmediate(resolve)).then(
        async () => await db.query('select max(id) from thing'),
      )
    })
    await late
    await watching.flush()
    expect(await textsOf(watching, '(none)')).toEqual(['select $1'])
    expect(await textsOf(watching, 'GET /late')).toEqual(['select max(id) from thing'])
  })
})

describe('routes', () => {
  test('say where the time of their requests went', async () => {
    const { db, watching } = await openWatch()
    await serve(db, 'GET /slow', async () => await db.query('select pg_sleep(0.2)'))
    await serve(db, 'GET /busy', async () => {
      const until = performance.now() + 200
      while (performance.now() < until);
    })
    await serve(db, 'GET /broken', async () => {
      throw new Error('broken')
    }).catch(() => undefined)
    await watching.flush()
    const routes = new Map((await watching.inspect.routes()).map((route) => [route.route, route]))
    expect(routes.get('GET /slow')?.latency.p95).toBeGreaterThan(195)
    expect(routes.get('GET /slow')?.shares.sql).toBeGreaterThan(0.8)
    expect(routes.get('GET /busy')?.shares.loop).toBeGreaterThan(0.8)
    expect(routes.get('GET /broken')).toMatchObject({ requests: 1, errors: 1 })
  })

  test('are named in what is found, also where the router tells them when it has answered', async () => {
    const found: Finding[] = []
    const { db } = await openWatch({ plans: false, onFinding: (finding) => found.push(finding) })
    await db.runRequest({}, async (context) => {
      await db.query('select n as id from generate_series(1, 10001) n')
      context.route = 'GET /numbers'
    })
    expect(found.map(({ kind, route }) => [kind, route])).toEqual([['unbounded-result', 'GET /numbers']])
  })

  test('have no statements of whoever watches them', async () => {
    const found: string[] = []
    const { db, watching } = await openWatch({ onFinding: ({ kind }) => found.push(kind) })
    await serve(db, 'GET /joined', async () => {
      const context = currentRequest()
      await db.pool.query('select a.*, b.* from thing a join thing b on b.id = a.owner')
      // A plan was asked for, and names of tables: in the middle of the request, and not for it.
      await eventually(() => expect(watching.stats().plans?.explained).toBeGreaterThan(0))
      await eventually(() => expect(found).toContain('shadowed-column'))
      expect(context?.queries).toBe(1)
    })
  })

  test('say what waits for connections', async () => {
    const { db, watching } = await openWatch()
    await Promise.all(
      Array.from(
        { length: 12 },
        async () => await serve(db, 'GET /queue', async () => await db.query('select pg_sleep(0.1)')),
      ),
    )
    await watching.flush()
    const [route] = await watching.inspect.routes({ route: 'GET /queue' })
    // Four connections for twelve: the last ones wait for two others.
    expect(route?.wait.p95).toBeGreaterThan(180)
    expect(route?.shares.pool).toBeGreaterThan(0.2)
  })

  test('are kept apart by segment, a bounded number of them', async () => {
    let plan = 'free'
    const segment = () => {
      if (plan === 'none') throw new Error('no plan')
      return plan
    }
    const { db, watching } = await openWatch({ segment, maxSegments: 3 })
    for (plan of ['free', 'pro', 'pro', 'a', 'b', 'c'])
      await serve(db, 'GET /plan', async () => await db.query('select 1'))
    plan = 'none'
    await serve(db, 'GET /plan', async () => {})
    await watching.flush()
    const routes = await watching.inspect.routes({ route: 'GET /plan' })
    expect(routes.map(({ segment, requests }) => [segment, requests]).toSorted()).toEqual([
      ['(overflow)', 3],
      ['a', 1],
      ['free', 1],
      ['pro', 2],
    ])
    expect(await watching.inspect.routes({ segment: 'pro' })).toHaveLength(1)
    expect((await watching.inspect.statements({ segment: 'pro' }))[0]).toMatchObject({ calls: 2 })
  })
})

describe('what is written', () => {
  test('is added up over processes: percentiles are of all requests, not averages', async () => {
    const delays = [[2, 2, 2], [2, 2, 2], [2, 2], [300]]
    for (const each of delays) {
      const { db, watching } = await openWatch()
      for (const ms of each)
        await serve(db, 'GET /merged', async () => await db.query('select pg_sleep($1)', [ms / 1e3]))
      await watching.flush()
    }
    const { watching } = await openWatch()
    const [route] = await watching.inspect.routes({ route: 'GET /merged' })
    expect(route?.requests).toBe(9)
    expect(route?.latency.p95).toBeGreaterThan(290)
    expect(route?.latency.p50).toBeLessThan(100)
    const [byHours] = await watching.inspect.routes({ route: 'GET /merged', windowMs: 86_400_000 })
    expect([byHours?.requests, byHours?.latency]).toEqual([9, route?.latency])
  })

  test('is one statement for each thousand rows, and again changes nothing', async () => {
    const { db, watching } = await openWatch({ plans: false })
    // With the first one the process says which version it is.
    await watching.flush()
    for (let n = 0; n < 50; n++) await serve(db, `GET /${n}`, async () => await db.query('select 1'))
    const before = db.stats().query.count
    await watching.flush()
    expect(db.stats().query.count - before).toBe(1)
    const read = async () => await watching.inspect.routes({ limit: 100 })
    const first = await read()
    await serve(db, 'GET /0', async () => await db.query('select 1'))
    await watching.flush()
    await watching.flush()
    const second = await read()
    expect(second.find(({ route }) => route === 'GET /0')?.requests).toBe(2)
    expect([first.length, second.length]).toEqual([50, 50])
    expect(second.reduce((sum, { requests }) => sum + requests, 0)).toBe(51)
  })

  test('waits for a database that is away, and then comes whole', async () => {
    const { db, watching } = await openWatch({ flushMs: 100 })
    const owner = new pg.Client({ connectionString: box.ownerUrl })
    await owner.connect()
    await owner.query('alter table holdfast.watch_series rename to watch_series_gone')
    await serve(db, 'GET /away', async () => await db.query('select 1'))
    await expect(watching.flush()).rejects.toMatchObject({ code: '42P01' })
    await expect(watching.inspect.routes()).rejects.toMatchObject({ code: 'HF_WATCH_NOT_INSTALLED' })
    await owner.query('alter table holdfast.watch_series_gone rename to watch_series')
    await owner.end()
    await eventually(async () => expect((await watching.inspect.routes({ route: 'GET /away' }))[0]?.requests).toBe(1))
  })

  test('is compared with the same time a day before', async () => {
    const { db, watching } = await openWatch()
    await serve(db, 'GET /daily', async () => await db.query('select pg_sleep(0.02)'))
    await watching.flush()
    await box.db.query(`update holdfast.watch_series set began_at = began_at - interval '1 day'`)
    const { db: later, watching: today } = await openWatch()
    await serve(later, 'GET /daily', async () => await later.query('select pg_sleep(0.1)'))
    await today.flush()
    const [route] = await today.inspect.routes({ route: 'GET /daily' })
    expect([route?.requests, (route?.latency.p50 ?? 0) > 95, (route?.before?.p50 ?? 99) < 95]).toEqual([1, true, true])
    const [statement] = await today.inspect.statements({ route: 'GET /daily' })
    expect(statement?.before?.p50).toBeGreaterThan(15)
  })
})

describe('a pool', () => {
  test('is watched once, and is as it was when that has stopped', async () => {
    const { db, watching } = await openWatch()
    await expect(watch(db)).rejects.toMatchObject({ code: 'HF_WATCH_TWICE' })
    await db.query('select 1')
    await watching.stop()
    const client = await db.pool.connect()
    expect(Object.hasOwn(client, 'query')).toBe(false)
    client.release()
    await (await watch(db, { logger: quietLogger })).stop()
  })

  test('errors and results come through as they were', async () => {
    const { db } = await openWatch()
    await expect(db.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
    await expect(db.pool.query('selec')).rejects.toMatchObject({ code: '42601' })
    expect((await db.pool.query('select 7 as n')).rows).toEqual([{ n: 7 }])
    await expect(db.query('select pg_sleep(5)', [], { deadlineMs: 50 })).rejects.toMatchObject({
      code: 'HF_QUERY_DEADLINE',
    })
  })

  test('what is no option is said so', async () => {
    await expect(watch(box.db, { flush: 1 } as never)).rejects.toMatchObject({ code: 'HF_OPTIONS_UNKNOWN' })
    const { watching } = await openWatch()
    await expect(watching.inspect.routes({ windowMs: 5 })).rejects.toMatchObject({ code: 'HF_OPTIONS_INVALID' })
  })
})
