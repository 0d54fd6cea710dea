import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectTo, isHoldfastError, type Db } from '../../src/core/index.js'
import { startProxy, throughProxy } from '../../src/prove/proxy.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { findPgBouncer, startPgBouncer, type PgBouncer } from '../helpers/pgbouncer.js'

type Verdict = 'works' | 'degrades' | 'refuses'

interface Probe {
  db: Db
  /** Its directUrl leads past the pooler. */
  bypassing: Db
  url: string
  /** Two plain connections through the same way. */
  first: pg.Client
  second: pg.Client
}

const refusals = new Set(['HF_POOLER_LISTEN', 'HF_POOLER_SESSION', 'HF_POOLER_NAMED_STATEMENT'])

async function judge(attempt: () => Promise<boolean>): Promise<Verdict> {
  try {
    return (await attempt()) ? 'works' : 'degrades'
  } catch (error) {
    if (isHoldfastError(error) && refusals.has(error.code)) return 'refuses'
    // PgBouncer's own word for a startup parameter that it does not pass on.
    if (error instanceof Error && error.message.includes('unsupported startup parameter')) return 'refuses'
    throw error
  }
}

/** Whether what `set` left in the first connection's session is still there while the second one is in a transaction. */
async function keepsState({ first, second }: Probe, set: string, check: string, expected: unknown): Promise<boolean> {
  await first.query(set)
  await second.query('begin')
  await second.query('select 1')
  try {
    const { rows } = await first.query({ text: check, rowMode: 'array' })
    return (rows[0] as unknown[] | undefined)?.[0] === expected
  } catch {
    return false
  } finally {
    await second.query('rollback')
  }
}

async function isCancelled(db: Db, run: () => Promise<unknown>, code: string): Promise<boolean> {
  const error = await run().catch((caught: unknown) => caught)
  if (!isHoldfastError(error, code)) throw error
  const text = `select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(9)%' and pid <> pg_backend_pid()`
  const busy = await db.query(text)
  return busy.rowCount === 0
}

async function hears(db: Db): Promise<boolean> {
  const heard: string[] = []
  const stop = await db.listen('news', ({ payload }) => heard.push(payload))
  try {
    await db.query(`select pg_notify('news', 'hello')`)
    await eventually(() => expect(heard).toEqual(['hello']))
    return true
  } finally {
    await stop()
  }
}

const features: Record<string, (probe: Probe) => Promise<boolean>> = {
  query: async ({ db }) => (await db.sql`select ${1}::int as n`)[0]?.['n'] === 1,
  tx: async ({ db }) =>
    await db.tx(async (tx) => {
      const [before] = await tx.sql`select pg_backend_pid() as pid, ${1}::int`
      const [after] = await tx.sql`select pg_backend_pid() as pid`
      return before?.['pid'] === after?.['pid']
    }),
  savepoint: async ({ db }) =>
    await db.tx(async (tx) => {
      await tx.savepoint(async (inner) => await inner.query('select 1/0')).catch(() => {})
      return (await tx.query('select 1')).rowCount === 1
    }),
  deadline: async ({ db }) =>
    await isCancelled(db, () => db.query('select pg_sleep(9)', [], { deadlineMs: 100 }), 'HF_QUERY_DEADLINE'),
  abort: async ({ db }) => {
    const signal = AbortSignal.timeout(100)
    return await isCancelled(db, () => db.query('select pg_sleep(9)', [], { signal }), 'HF_QUERY_ABORTED')
  },
  'transaction deadline': async ({ db }) => {
    const run = () => db.tx(async (tx) => await tx.query('select pg_sleep(9)'), { deadlineMs: 100 })
    return await isCancelled(db, run, 'HF_TX_DEADLINE')
  },
  listen: async ({ db }) => await hears(db),
  'listen with a directUrl': async ({ bypassing }) => await hears(bypassing),
  migrate: async ({ db }) => (await db.migrate()).applied.length === 0,
  'migrate with a directUrl': async ({ bypassing }) => (await bypassing.migrate()).applied.length === 0,
  'named statement': async ({ db }) => {
    await db.tx(async (tx) => await tx.query('select $1::int', [1], { name: 'in-tx' }))
    return (await db.query('select $1::int', [1], { name: 'named' })).rowCount === 1
  },
  'session setting (SET)': async (probe) => await keepsState(probe, `set work_mem = '77kB'`, 'show work_mem', '77kB'),
  'transaction setting (SET LOCAL)': async ({ db }) =>
    await db.tx(async (tx) => {
      await tx.query(`set local work_mem = '99kB'`)
      return (await tx.query<{ work_mem: string }>('show work_mem')).rows[0]?.work_mem === '99kB'
    }),
  'session advisory lock': async (probe) =>
    await keepsState(probe, 'select pg_advisory_lock(71)', 'select pg_advisory_unlock(71)', true),
  'transaction advisory lock': async ({ db, bypassing }) =>
    await db.tx(async (tx) => {
      await tx.query('select pg_advisory_xact_lock(72)')
      const client = await bypassing.pool.connect()
      const { rows } = await client.query<{ free: boolean }>('select pg_try_advisory_xact_lock(72) as free')
      client.release()
      return rows[0]?.free === false
    }),
  'temporary table': async (probe) =>
    await keepsState(probe, 'create temp table kept as select 1 as n', 'select n from kept', 1),
  'temporary table in a transaction': async ({ db }) =>
    await db.tx(async (tx) => {
      await tx.query('create temp table brief on commit drop as select 1 as n')
      return (await tx.query('select n from brief')).rowCount === 1
    }),
  'PREPARE and EXECUTE': async (probe) => await keepsState(probe, 'prepare ready as select 1', 'execute ready', 1),
  'cursor WITH HOLD': async (probe) =>
    await keepsState(probe, 'declare held cursor with hold for select 1', 'fetch held', 1),
  'startup parameter `options`': async ({ url }) => {
    const client = new pg.Client({ connectionString: url, options: '-c work_mem=88kB' })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query<{ work_mem: string }>('show work_mem')).rows[0]?.work_mem === '88kB'
    } finally {
      await client.end().catch(() => {})
    }
  },
}

/** The table of docs/poolers.md: feature → verdicts for direct, session, transaction. */
async function readDocumented(): Promise<Record<string, string[]>> {
  const text = await readFile(new URL('../../docs/poolers.md', import.meta.url), 'utf8')
  const rows = text.split('\n').filter((line) => /^\|.*\b(works|degrades|refuses)\b/.test(line))
  return Object.fromEntries(
    rows.map((row) => {
      const [, feature = '', ...cells] = row.split('|').map((cell) => cell.trim())
      return [feature, cells.slice(0, 3)]
    }),
  )
}

const isInstalled = (await findPgBouncer()) !== undefined
if (!isInstalled)
  process.stderr.write('SKIPPED: test/core/poolers.test.ts needs pgbouncer (apt-get install pgbouncer)\n')

describe.skipIf(!isInstalled)('poolers', () => {
  let box: TestDatabase
  const bouncers: Record<string, PgBouncer> = {}
  beforeAll(async () => {
    box = await openTestDatabase({ connect: { pool: { max: 2 } } })
    bouncers['session'] = await startPgBouncer(box.url, { mode: 'session' })
    bouncers['transaction'] = await startPgBouncer(box.url, { mode: 'transaction' })
  })
  afterAll(async () => {
    for (const bouncer of Object.values(bouncers)) await bouncer.close()
    await box?.close()
  })

  const findUrl = (mode: string) => bouncers[mode]?.url ?? box.url

  async function measure(mode: string): Promise<Record<string, Verdict>> {
    const url = findUrl(mode)
    const db = await connectTo({ url, directUrl: url, pool: { max: 2 } })
    const bypassing = await connectTo({ url, directUrl: box.url, pool: { max: 2 } })
    const [first, second] = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })]
    await first.connect()
    await second.connect()
    const verdicts: Record<string, Verdict> = {}
    try {
      for (const [name, attempt] of Object.entries(features)) {
        verdicts[name] = await judge(async () => await attempt({ db, bypassing, url, first, second }))
      }
    } finally {
      await Promise.all([db.close(), bypassing.close(), first.end(), second.end()])
    }
    return verdicts
  }

  test.each(['none', 'session', 'transaction'])('connect tells that the pooler is %s', async (pooler) => {
    const db = await connectTo({ url: findUrl(pooler) })
    expect(db.server.pooler).toBe(pooler)
    await db.close()
    const pool = new pg.Pool({ connectionString: findUrl(pooler) })
    const borrowing = await connectTo({ pool })
    expect(borrowing.server.pooler).toBe(pooler)
    await borrowing.close()
    await pool.end()
  })

  test('tells transaction mode under load too', async () => {
    const url = findUrl('transaction')
    const busy = await connectTo({ url, pool: { max: 6 } })
    let isOver = false
    const load = Array.from({ length: 6 }, async () => {
      while (!isOver) await busy.query('select pg_sleep(0.002)')
    })
    for (let round = 0; round < 10; round++) {
      const db = await connectTo({ url, pool: { max: 1 } })
      expect(db.server.pooler).toBe('transaction')
      await db.close()
    }
    isOver = true
    await Promise.all(load)
    await busy.close()
  })

  test('a pooler without a free backend is not waited for', async () => {
    const narrow = await startPgBouncer(box.url, { mode: 'session', poolSize: 1 })
    const db = await connectTo({ url: narrow.url, pool: { max: 1 } })
    expect(db.server.pooler).toBe('transaction')
    await db.close()
    await narrow.close()
  })

  test('a direct connection is asked nothing more', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const url = throughProxy(box.url, proxy)
    const plain = new pg.Client({ connectionString: url })
    await plain.connect()
    await plain.query('select 1', [])
    const needed = proxy.bursts()
    await plain.end()
    const before = proxy.bursts()
    // A tool announces nothing; what is left is the version, and one look at what was migrated.
    const db = await connectTo({ url }, { isTool: true })
    expect(proxy.bursts() - before).toBeLessThanOrEqual(needed + 1)
    await db.close()
    await proxy.close()
  })

  test('what is refused names DATABASE_DIRECT_URL and leaves no lock behind', async () => {
    const url = findUrl('transaction')
    const db = await connectTo({ url, directUrl: url })
    const calls = [db.listen('a', () => {}), db.migrate(), db.query('select 1', [], { name: 'x' })]
    const fix = expect.stringContaining('DATABASE_DIRECT_URL') as string
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { fix } })
    }
    await db.close()
    const locks = await runAdmin(
      box.url,
      `select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
    )
    expect(locks).toEqual([])
  })

  test('docs/poolers.md says what is measured', { timeout: 60_000 }, async () => {
    const measured = [await measure('none'), await measure('session'), await measure('transaction')]
    const table = Object.fromEntries(Object.keys(features).map((name) => [name, measured.map((each) => each[name])]))
    expect(await readDocumented()).toEqual(table)
  })
})
