import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '../../src/core/index.js'
import { connectTo } from '../../src/core/index.js'
import { watch, type Finding, type Watch } from '../../src/watch/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import { findPgBouncer, startPgBouncer } from '../helpers/pgbouncer.js'

// Plans on a real server, as the runtime role: a user without any special right.

let box: TestDatabase
let db: Db
let watching: Watch
let found: Finding[]

beforeAll(async () => {
  box = await openTestDatabase()
})
beforeEach(async () => {
  const tables = ['plans', 'findings', 'sightings', 'series', 'statements'].map((name) => `holdfast.watch_${name}`)
  await runAdmin(box.ownerUrl, `truncate ${tables.join(', ')}`)
  await box.db.query(
    `create table trades (id int, account int, note text, at timestamptz) with (autovacuum_enabled = off)`,
  )
  await box.db.query(
    `insert into trades select n, n % 900, repeat('x', 80), now() - n * interval '1 second' from generate_series(1, 60000) n`,
  )
  await box.db.query('create index trades_account on trades (account)')
  await box.db.query('analyze trades')
  await open(box.url)
})
afterEach(async () => {
  await watching.stop()
  await db.close()
  await box.db.query('drop table trades')
})
afterAll(async () => await box.close())

async function open(url: string): Promise<void> {
  found = []
  db = await connectTo({ url, heartbeatMs: 600_000, pool: { max: 1 }, logger: quietLogger })
  watching = await watch(db, { logger: quietLogger, flushMs: 60_000, onFinding: (finding) => found.push(finding) })
}

/** One after the other, as fast as it goes, but for the time that explaining may take. */
async function run(amount: number, execute: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < amount; n++) {
    await execute(n)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Until it is found, within so many executions. */
async function runUntilFound(execute: (n: number) => Promise<unknown>, most = 1_200): Promise<Finding> {
  await run(1, execute)
  for (let n = 1; n < most && found.length === 0; n++) await run(1, execute)
  expect(found).toHaveLength(1)
  return found[0] as Finding
}

const explained = () => watching.stats().plans?.explained ?? 0
const ofAccount = async (n: number) =>
  await db.query('select * from trades where account = $1 order by at limit 5', [n % 900])

describe('a plan that flips', () => {
  test('is found, told with its reason, and kept with both plans', async () => {
    await run(120, ofAccount)
    expect(found).toEqual([])
    await box.db.query('drop index trades_account')
    const finding = await runUntilFound(ofAccount)
    expect(finding.sentence).toContain('no longer finds public.trades by trades_account, but reads all of it')
    expect(finding.sentence).toContain('index trades_account of public.trades is gone')
    await watching.flush()
    const { findings, verdict } = await watching.inspect.findings()
    expect(findings).toMatchObject([
      { kind: 'plan-flip', seen: 1, text: expect.stringContaining('from trades') as string },
    ])
    expect(verdict.sentence).toBe(finding.sentence)
    const details = await watching.inspect.query(finding.statement)
    expect(details?.plans.map(({ tree }) => JSON.stringify(tree))).toEqual(
      expect.arrayContaining([
        expect.stringContaining('"access": "index"'.replace(' ', '')),
        expect.stringContaining('"access":"seq"'),
      ]),
    )
    expect(new Set(details?.lanes.map(({ shape }) => shape)).size).toBe(2)
    const query = (await watching.inspect.queries()).find(({ id }) => id === finding.statement)
    expect(query).toMatchObject({ plans: 2 })
  })

  test('of a generic plan is seen on the session itself', async () => {
    const ask = async (account: number | null) =>
      await db.query('select count(note) from trades where $1::int is null or account = $1', [account], { name: 'g' })
    await run(5, async () => await ask(null))
    const finding = await runUntilFound(async (n) => await ask(n % 900))
    expect(finding.sentence).toContain('its session has gone over to a generic plan')
    expect(finding.evidence).toMatchObject({ isInferred: true, beforeMs: null })
  })

  test('of an UPDATE is seen by a read of the same rows, which locks nothing', async () => {
    const touch = async (n: number) => await db.query('update trades set note = $2 where account = $1', [n % 900, 'y'])
    await run(80, touch)
    await box.db.query('drop index trades_account')
    const finding = await runUntilFound(touch)
    expect(finding.evidence).toMatchObject({ isReadInstead: true })
  })
})

describe('what a plan is asked with', () => {
  test('is the role, search_path and tenant of the session', async () => {
    await runAdmin(
      box.ownerUrl,
      `create schema tenant_a; create table tenant_a.trades as select * from trades limit 10;
       grant usage on schema tenant_a to ${box.role}; grant select on tenant_a.trades to ${box.role}`,
    )
    await run(4, async () => {
      await db.tx(async (tx) => {
        await tx.query('set local search_path = tenant_a')
        await tx.query('select note from trades where id = $1', [1])
      })
    })
    await eventually(() => Promise.resolve(expect(explained()).toBeGreaterThan(0)))
    await watching.flush()
    const rows = await runAdmin<{ tree: object }>(box.ownerUrl, 'select tree from holdfast.watch_plans')
    expect(JSON.stringify(rows)).toContain('tenant_a.trades')
    expect(JSON.stringify(rows)).not.toContain('public.trades')
    await runAdmin(box.ownerUrl, 'drop schema tenant_a cascade')
  })

  test('Row-Level Security: the plan has the policy of the role, under its tenant', async () => {
    await box.db.query(`alter table trades enable row level security, force row level security;
      create policy mine on trades using (account = current_setting('app.tenant')::int)`)
    await run(4, async (n) => {
      await db.tx(async (tx) => {
        await tx.query(`select set_config('app.tenant', $1, true)`, [String(n)])
        await tx.query('select count(*) from trades', [])
      })
    })
    await eventually(() => Promise.resolve(expect(explained()).toBeGreaterThan(0)))
    await watching.flush()
    const rows = await runAdmin<{ tree: object }>(box.ownerUrl, 'select tree from holdfast.watch_plans')
    expect(JSON.stringify(rows)).toContain('current_setting')
    expect(watching.stats().plans?.refused).toEqual({})
  })

  test('a table of the session alone cannot be explained, and that is counted and given up', async () => {
    await db.query('create temp table mine (a int)')
    await run(400, async () => await db.query('select * from mine where a = $1', [1]))
    const refused = () => watching.stats().plans?.refused['42P01'] ?? 0
    await eventually(() => Promise.resolve(expect(refused()).toBeGreaterThanOrEqual(5)))
    await run(200, async () => await db.query('select * from mine where a = $1', [1]))
    // Those that were waiting as it was given up are among them.
    expect(refused()).toBeLessThan(15)
  })

  test('a statement that fails, and a transaction that is aborted, are left alone', async () => {
    await run(20, async () => {
      await expect(
        db.tx(async (tx) => {
          await tx.query('select 1 / $1::int', [0]).catch(() => undefined)
          await tx.query('select 1 as after')
        }),
      ).rejects.toThrow('aborted')
    })
    expect(explained()).toBe(0)
  })
})

test('a table that is locked keeps only the asking waiting, and not for long', async () => {
  const locker = await connectTo({ url: box.url, heartbeatMs: 600_000, pool: { max: 1 } })
  await run(3, ofAccount)
  await eventually(() => Promise.resolve(expect(explained()).toBeGreaterThan(0)))
  const ask = async () => await db.query('select $1::int as one', [1])
  await locker.tx(async (tx) => {
    await tx.query('lock table trades in access exclusive mode')
    // Explained under the lock, after it was run before it.
    await ask()
    expect(await lockWaits(box.ownerUrl)).toBe(0)
  })
  await locker.close()
})

async function lockWaits(url: string): Promise<number> {
  const rows = await runAdmin(
    url,
    `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%explain (%'`,
  )
  return rows.length
}

test('no value is kept: not in a table, not in a finding, not in the log', async () => {
  const secret = 'Zq81secretZq'
  const lines: unknown[] = []
  const log = (fields: object, message: string) => void lines.push([fields, message])
  await watching.stop()
  watching = await watch(db, {
    logger: { debug: log, info: log, warn: log, error: log },
    flushMs: 60_000,
    onFinding: (finding) => found.push(finding),
  })
  const ask = async (n: number) =>
    await db.query(`select * from trades where note <> $2 and account = $1 and note <> '${secret}'`, [n % 900, secret])
  await run(100, ask)
  await box.db.query('drop index trades_account')
  await runUntilFound(ask)
  await watching.flush()
  const tables = ['plans', 'findings', 'sightings', 'series', 'statements']
  const rows = await Promise.all(
    tables.map(async (name) => await runAdmin(box.ownerUrl, `select * from holdfast.watch_${name}`)),
  )
  expect(JSON.stringify([rows, found, lines])).not.toContain(secret)
  expect(rows.every((each) => each.length > 0)).toBe(true)
})

test('a database that is away, and one without the tables, keep nobody', async () => {
  await run(5, ofAccount)
  await runAdmin(
    box.ownerUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, async (_, n) => await ofAccount(n)))
  expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true)
  await run(60, ofAccount)
  await eventually(() => Promise.resolve(expect(explained()).toBeGreaterThan(2)))
})

describe('a pooler in transaction mode', async () => {
  const isInstalled = (await findPgBouncer()) !== undefined
  test.skipIf(!isInstalled)(
    'plans are asked for beside it; a prepared statement that is elsewhere says nothing',
    async () => {
      await watching.stop()
      await db.close()
      const bouncer = await startPgBouncer(box.url, { mode: 'transaction', poolSize: 3 })
      await open(bouncer.url)
      await run(120, ofAccount)
      await box.db.query('drop index trades_account')
      await runUntilFound(ofAccount)
      await watching.stop()
      await db.close()
      await bouncer.close()
      await open(box.url)
    },
  )
})
