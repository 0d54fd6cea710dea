import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { ownRelease, type Release } from '../../src/core/migration-states.js'
import type { MigrationFile } from '../../src/core/migrations.gen.js'
import { eventually } from '../helpers/eventually.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

// Three releases in one checkout: the new one renames a column, in an expanding and a contracting step.
const step = (name: string, kind: MigrationFile['class'], sql: string): MigrationFile => ({ name, class: kind, sql })
const first = step(
  '9001_demo_boxes',
  'expand',
  'create table holdfast.demo_boxes (id bigserial primary key, name text)',
)
const expand = step('9002_demo_title', 'expand', 'alter table holdfast.demo_boxes add column title text')
const contract = step('9003_demo_name', 'contract', 'alter table holdfast.demo_boxes drop column name')
const releaseOf = (version: string, ...files: MigrationFile[]): Release => ({
  version,
  migrations: [...ownRelease.migrations, ...files],
})
const old = releaseOf('1.0.0', first)
const halfway = releaseOf('2.0.0', first, expand)
const next = releaseOf('2.0.0', first, expand, contract)

const HEARTBEAT_MS = 300
const LEASE_MS = 3 * HEARTBEAT_MS

interface Report {
  kind: 'ready' | 'refused' | 'report' | 'stopped'
  code: string
  message: string
  done: number
  failed: number
  errors: string[]
  logged: string[]
  schema: string
}

let box: TestDatabase
const children = new Set<ChildProcess>()

beforeAll(async () => {
  box = await openTestDatabase({ connect: { heartbeatMs: 0 } })
})
afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  children.clear()
  // The row of a killed process outlives it by its lease.
  await runAdmin(box.ownerUrl, 'delete from holdfast.core_instances')
  await runAdmin(box.ownerUrl, `delete from holdfast.core_migrations where name like '9%'`)
  await runAdmin(box.ownerUrl, 'drop table if exists holdfast.demo_boxes')
})
afterAll(async () => await box.close())

const script = fileURLToPath(new URL('./release-process.mjs', import.meta.url))

async function start(release: Release, column: string): Promise<{ child: ChildProcess; hello: Report }> {
  const child = fork(script, [], { execArgv: [] })
  children.add(child)
  // Not as an argument: a release holds all of the schema's SQL, and one argument may have 128 kB.
  child.send({ url: box.url, release, column, heartbeatMs: HEARTBEAT_MS })
  const [hello] = (await once(child, 'message')) as [Report]
  return { child, hello }
}

async function ask(child: ChildProcess, message: 'report' | 'stop'): Promise<Report> {
  const answer = once(child, 'message')
  child.send(message)
  return ((await answer) as [Report])[0]
}

/** Until each has served some more requests since now, none of them failed. */
async function serveMore(...processes: ChildProcess[]): Promise<void> {
  for (const child of processes) {
    const { done } = await ask(child, 'report')
    await eventually(async () => expect((await ask(child, 'report')).done).toBeGreaterThan(done + 20), {
      withinMs: 15_000,
    })
    expect(await ask(child, 'report')).toMatchObject({ failed: 0, errors: [] })
  }
}

async function asOwner<T>(release: Release, work: (db: Db) => Promise<T>): Promise<T> {
  const db = await connectTo({ url: box.ownerUrl, pool: { max: 1 } }, { release, isTool: true })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

const migrate = async (release: Release, waitMs = 15_000) =>
  await asOwner(release, async (db) => await db.migrate({ waitMs }))

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('two releases side by side', { timeout: 90_000 }, () => {
  test('expand loses no request; contract waits for the old ones; nobody old gets in afterwards', async () => {
    await migrate(old)
    const ending = (await start(old, 'name')).child
    const doomed = (await start(old, 'name')).child
    await serveMore(ending, doomed)

    expect(await migrate(halfway)).toEqual({ applied: [expand.name] })
    const fresh = (await start(next, 'title')).child
    await serveMore(ending, doomed, fresh)
    expect((await ask(fresh, 'report')).schema).toBe('behind')

    await expect(migrate(next, 400)).rejects.toMatchObject({
      code: 'HF_MIGRATE_CONTRACT_WAITS',
      retryable: true,
      message: expect.stringContaining(`(pid ${doomed.pid})`) as string,
      details: {
        instances: [
          { package: '1.0.0', pid: ending.pid },
          { package: '1.0.0', pid: doomed.pid },
        ],
      },
    })
    await serveMore(ending, doomed, fresh)

    const contracting = migrate(next)
    expect(await ask(ending, 'stop')).toMatchObject({ kind: 'stopped', failed: 0, errors: [], logged: [] })
    const { failed } = await ask(doomed, 'report')
    await kill(doomed)
    const killedAt = performance.now()
    expect(await contracting).toEqual({ applied: [contract.name] })
    expect(failed).toBe(0)
    expect(performance.now() - killedAt).toBeGreaterThan(LEASE_MS - HEARTBEAT_MS - 200)

    await serveMore(fresh)
    await eventually(async () => expect((await ask(fresh, 'report')).schema).toBe('ok'))
    const { hello } = await start(old, 'name')
    expect(hello).toMatchObject({ kind: 'refused', code: 'HF_MIGRATE_AHEAD' })
    expect(hello.message).toContain('holdfast 2.0.0')
    expect(await ask(fresh, 'stop')).toMatchObject({ failed: 0, errors: [], logged: [] })
  })

  test('an old process that stood still past its lease turns itself off as soon as it runs again', async () => {
    await migrate(halfway)
    // Without traffic: stopped inside a transaction it would keep its locks, and the migration would fail on them.
    const { child } = await start(halfway, '')
    child.kill('SIGSTOP')
    expect(await migrate(next)).toEqual({ applied: [contract.name] })
    child.kill('SIGCONT')
    await eventually(async () => expect((await ask(child, 'report')).schema).toBe('ahead'), { withinMs: 10_000 })
    expect((await ask(child, 'report')).logged).toEqual(['HF_MIGRATE_AHEAD'])
  })

  test('an old process that comes in while the contract runs makes it start again', async () => {
    await migrate(halfway)
    // The migration waits inside its transaction for a lock that this session holds.
    const gate = await asOwner(halfway, async (db) => {
      const holder = await db.pool.connect()
      await holder.query('select pg_advisory_lock(4711)')
      const slow = {
        ...contract,
        sql: `${contract.sql}; set local lock_timeout = 0; select pg_advisory_xact_lock(4711)`,
      }
      const contracting = migrate(releaseOf('2.0.0', first, expand, slow))
      await eventually(async () => {
        const { rowCount } = await holder.query(`select 1 from pg_locks where locktype = 'advisory' and not granted`)
        expect(rowCount).toBe(1)
      })
      const { child, hello } = await start(halfway, 'title')
      await holder.query('select pg_advisory_unlock(4711)')
      holder.release()
      return { contracting, child, hello }
    })
    expect(gate.hello.kind).toBe('ready')
    await serveMore(gate.child)
    expect(await ask(gate.child, 'stop')).toMatchObject({ failed: 0, errors: [] })
    expect(await gate.contracting).toEqual({ applied: [contract.name] })
  })
})
