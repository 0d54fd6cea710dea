import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo, type ConnectOptions, type Db, type Logger } from '../../src/core/index.js'
import { eventually } from '../helpers/eventually.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
let owner: Db
beforeAll(async () => {
  box = await openTestDatabase({ connect: { heartbeatMs: 0 } })
  owner = await connectTo({ url: box.ownerUrl, heartbeatMs: 0 })
})
afterAll(async () => {
  await owner.close()
  await box.close()
})

interface Row {
  id: string
  pid: number
  knows: string
  seen: number
}

const listInstances = async () =>
  await owner.sql<Row>`
    select id, pid, knows, extract(epoch from seen_at)::float8 as seen from holdfast.core_instances order by started_at`

interface Logged {
  level: 'warn' | 'error'
  code: string | undefined
}

function createLogger(): { logger: Logger; lines: Logged[] } {
  const lines: Logged[] = []
  const ignore = () => {}
  const note = (level: Logged['level']) => (fields: object) => {
    const { err } = fields as { err?: { code?: string } }
    lines.push({ level, code: err?.code })
  }
  return { logger: { debug: ignore, info: ignore, warn: note('warn'), error: note('error') }, lines }
}

const connectWith = async (options: ConnectOptions) => await connectTo({ url: box.url, pool: { max: 2 }, ...options })

const addContract = async (session: Pick<Db, 'query'>) =>
  await session.query(
    `insert into holdfast.core_migrations (name, checksum, class, package, duration_ms)
     values ('9999_core_gone', 'x', 'contract', '9.0.0', 1)`,
  )

beforeEach(async () => {
  await owner.query(`delete from holdfast.core_migrations where name like '9999%'`)
  await owner.query('delete from holdfast.core_instances')
})

describe('a connected process', () => {
  test('is written down with what it knows, and gone after close()', async () => {
    const db = await connectWith({})
    expect(db.schema).toBe('ok')
    const [row, ...more] = await listInstances()
    expect(more).toEqual([])
    expect(row).toMatchObject({ pid: process.pid, knows: expect.stringMatching(/^\d{4}_/) as string })
    await db.close()
    expect(await listInstances()).toEqual([])
  })

  test('renews, also when every connection of its pool is busy', async () => {
    const db = await connectWith({ heartbeatMs: 50, pool: { max: 1 } })
    const seen = async () => (await listInstances())[0]?.seen ?? 0
    const first = await seen()
    await eventually(async () => expect(await seen()).toBeGreaterThan(first))
    const caller = new AbortController()
    const busy = db.query('select pg_sleep(20)', [], { signal: caller.signal }).catch(() => {})
    await eventually(() => expect(db.stats().pool.busy).toBe(1))
    const before = await seen()
    await eventually(async () => expect(await seen()).toBeGreaterThan(before), { withinMs: 10_000 })
    expect(db.stats().pool.timeouts).toBe(0)
    caller.abort()
    await busy
    await db.close()
  })

  test('comes back after its row was deleted, and forgets those not seen for an hour', async () => {
    await owner.query(
      `insert into holdfast.core_instances (id, host, pid, package, knows, heartbeat_ms, seen_at)
       values (gen_random_uuid(), 'old', 1, '0', '0', 5000, now() - interval '61 minutes'),
              (gen_random_uuid(), 'younger', 2, '0', '0', 5000, now() - interval '59 minutes')`,
    )
    const db = await connectWith({ heartbeatMs: 50 })
    const pids = async () => (await listInstances()).map(({ pid }) => pid).sort()
    expect(await pids()).toEqual([2, process.pid].sort())
    await owner.query('delete from holdfast.core_instances where pid = $1', [process.pid])
    await eventually(async () => expect(await pids()).toContain(process.pid))
    await db.close()
    expect(await pids()).toEqual([2])
  })

  test('with heartbeatMs 0 is not written down, but still refused by a database that is ahead', async () => {
    const db = await connectWith({ heartbeatMs: 0 })
    expect(db.schema).toBe('ok')
    expect(await listInstances()).toEqual([])
    await db.close()
    await addContract(owner)
    await expect(connectWith({ heartbeatMs: 0 })).rejects.toMatchObject({ code: 'HF_MIGRATE_AHEAD' })
  })

  test('has an outage logged once, and the next one again; user code hears nothing', async () => {
    const { logger, lines } = createLogger()
    const db = await connectWith({ heartbeatMs: 50, logger })
    const refuse = async () => await owner.query(`revoke select on holdfast.core_migrations from ${box.role}`)
    const allow = async () => await owner.query(`grant select on holdfast.core_migrations to ${box.role}`)
    const seen = async () => (await listInstances())[0]?.seen ?? 0
    for (const outages of [1, 2]) {
      await refuse()
      await eventually(() => expect(lines).toHaveLength(outages))
      expect(await db.sql`select 1 as one`).toEqual([{ one: 1 }])
      await allow()
      const before = await seen()
      await eventually(async () => expect(await seen()).toBeGreaterThan(before))
    }
    expect(lines).toEqual([
      { level: 'warn', code: '42501' },
      { level: 'warn', code: '42501' },
    ])
    await db.close()
  })
})

describe('where the schema is not there', () => {
  test('nothing is said and nothing created; after migrate the process is known', async () => {
    const empty = await openTestDatabase({ migrated: false })
    const { logger, lines } = createLogger()
    const db = await connectTo({ url: empty.ownerUrl, logger })
    expect(db.schema).toBe('missing')
    expect(await db.sql`select 1 from pg_namespace where nspname = 'holdfast'`).toEqual([])
    await db.migrate()
    expect(db.schema).toBe('ok')
    expect(await db.sql`select pid from holdfast.core_instances`).toEqual([{ pid: process.pid }])
    expect(lines).toEqual([])
    await db.close()
    await empty.close()
  })

  test('it may appear later, and go again', async () => {
    const empty = await openTestDatabase({ migrated: false, connect: { heartbeatMs: 50 } })
    const admin = await connectTo({ url: empty.ownerUrl, heartbeatMs: 0 })
    await admin.migrate({ grantTo: [empty.role] })
    await eventually(() => expect(empty.db.schema).toBe('ok'))
    await runAdmin(empty.ownerUrl, 'drop schema holdfast cascade')
    await eventually(() => expect(empty.db.schema).toBe('missing'))
    await admin.close()
    await empty.close()
  })
})

describe('a database that is ahead', () => {
  test('refuses who connects, and turns off who was cut off meanwhile, with one error in the log', async () => {
    const { logger, lines } = createLogger()
    const db = await connectWith({ heartbeatMs: 50, logger })
    await addContract(owner)
    await eventually(() => expect(db.schema).toBe('ahead'))
    const beats = (await listInstances())[0]?.seen ?? 0
    await eventually(async () => expect((await listInstances())[0]?.seen).toBeGreaterThan(beats))
    expect(lines).toEqual([{ level: 'error', code: 'HF_MIGRATE_AHEAD' }])
    await db.close()
    const refused = await connectWith({}).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'HF_MIGRATE_AHEAD',
      message: expect.stringContaining('holdfast 9.0.0 applied the contract migration 9999_core_gone') as string,
    })
    expect(await listInstances()).toEqual([])
  })

  test('a process that announces itself while a contract commits is told, never missed', async () => {
    const admin = await owner.pool.connect()
    await admin.query('begin')
    await admin.query('lock table holdfast.core_instances in share row exclusive mode')
    await addContract(admin)
    const connecting = connectWith({}).catch((error: unknown) => error)
    await eventually(async () => {
      const text = `select 1 from pg_locks where not granted and relation = 'holdfast.core_instances'::regclass`
      expect((await admin.query(text)).rowCount).toBe(1)
    })
    await admin.query('commit')
    admin.release()
    expect(await connecting).toMatchObject({ code: 'HF_MIGRATE_AHEAD' })
  })
})
