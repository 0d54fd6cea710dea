import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkDatabase, connectTo, uninstall, type Db, type Logger } from '../../src/core/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
let owner: Db
beforeAll(async () => {
  box = await openTestDatabase()
  owner = await connectTo({ url: box.ownerUrl, heartbeatMs: 600_000 })
})
afterAll(async () => {
  await owner.close()
  await box.close()
})

const forbidden = { code: '42501' }

describe('the runtime role', () => {
  test('is what the suite runs as: no power beyond a login', async () => {
    const text = `select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user`
    expect((await box.db.query(text)).rows).toEqual([{ rolsuper: false, rolcreatedb: false, rolcreaterole: false }])
  })

  test('can change no object of the schema, nor the record of migrations', async () => {
    await expect(box.db.query('create table holdfast.mine (id int)')).rejects.toMatchObject(forbidden)
    await expect(box.db.query('alter table holdfast.core_instances add column x int')).rejects.toMatchObject(forbidden)
    await expect(box.db.query('drop table holdfast.core_instances')).rejects.toMatchObject(forbidden)
    await expect(box.db.query('truncate holdfast.core_instances')).rejects.toMatchObject(forbidden)
    await expect(box.db.query('delete from holdfast.core_migrations')).rejects.toMatchObject(forbidden)
  })

  test('has its rights on what later migrations of the same owner make', async () => {
    await owner.query('create table holdfast.later (id bigserial primary key, note text)')
    await box.db.query(`insert into holdfast.later (note) values ('x')`)
    await box.db.query(`update holdfast.later set note = 'y'`)
    expect(await box.db.sql`select note from holdfast.later`).toEqual([{ note: 'y' }])
    await box.db.query('delete from holdfast.later')
    await owner.query('drop table holdfast.later')
  })

  test('migrates where nothing is pending', async () => {
    expect(await box.db.migrate()).toEqual({ applied: [] })
  })

  test('granting twice is no harm; a role that is not there is named', async () => {
    expect(await owner.migrate({ grantTo: [box.role, box.role] })).toEqual({ applied: [] })
    await expect(owner.migrate({ grantTo: [box.role, 'no_such "role"'] })).rejects.toMatchObject({
      code: 'HF_MIGRATE_ROLE_UNKNOWN',
      message: expect.stringContaining('no_such') as string,
    })
  })
})

describe('doctor', () => {
  const find = async (db: Db, id: string) => (await checkDatabase(db)).find((each) => each.id === id)
  const inProduction = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = process.env['NODE_ENV']
    process.env['NODE_ENV'] = 'production'
    return await work().finally(() => {
      if (before === undefined) delete process.env['NODE_ENV']
      else process.env['NODE_ENV'] = before
    })
  }

  test('a superuser is watched in production only, the runtime role never', async () => {
    expect(await find(owner, 'role.power')).toMatchObject({ severity: 'ok' })
    expect(await inProduction(async () => await find(owner, 'role.power'))).toMatchObject({ severity: 'watch' })
    expect(await inProduction(async () => await find(box.db, 'role.power'))).toMatchObject({ severity: 'ok' })
  })

  test('the owner of the schema is watched in production', async () => {
    await owner.query(`alter schema holdfast owner to ${box.role}`)
    const finding = await inProduction(async () => await find(box.db, 'role.power'))
    expect(finding).toMatchObject({ severity: 'watch', evidence: expect.stringContaining('owns the schema') as string })
    await owner.query(`alter schema holdfast owner to current_user`)
    await owner.migrate({ grantTo: [box.role] })
  })

  test('missing grants are to act on, with the command that makes them', async () => {
    expect(await find(box.db, 'role.grants')).toMatchObject({ severity: 'ok' })
    await owner.query(`revoke insert on holdfast.core_instances from ${box.role}`)
    expect(await find(box.db, 'role.grants')).toMatchObject({
      severity: 'act',
      evidence: expect.stringContaining('insert on core_instances') as string,
      fix: expect.stringContaining(`--grant-to ${box.role}`) as string,
    })
    await owner.query(`revoke usage on schema holdfast from ${box.role}`)
    expect(await find(box.db, 'role.grants')).toMatchObject({
      evidence: expect.stringContaining('usage on schema holdfast') as string,
    })
    await owner.migrate({ grantTo: [box.role] })
    expect(await find(box.db, 'role.grants')).toMatchObject({ severity: 'ok' })
    expect(await find(box.db, 'schema.drift')).toMatchObject({ severity: 'ok' })
  })

  test('a process without grants connects, and its logger hears why holdfast is off', async () => {
    await owner.query(`revoke usage on schema holdfast from ${box.role}`)
    const warnings: string[] = []
    const silent = () => {}
    const logger: Logger = { debug: silent, info: silent, error: silent, warn: (_, text) => void warnings.push(text) }
    const db = await connectTo({ url: box.url, logger })
    expect(db.schema).toBe('missing')
    expect(warnings).toEqual([expect.stringContaining('--grant-to')])
    await db.close()
    await owner.migrate({ grantTo: [box.role] })
  })
})

test('uninstall leaves nothing behind: no schema, no default privileges, a role that can be dropped', async () => {
  const role = `${box.role}_gone`
  await runAdmin(box.ownerUrl, `create role ${role} login`)
  await owner.migrate({ grantTo: [role] })
  await expect(uninstall(box.db)).rejects.toMatchObject(forbidden)
  await uninstall(owner)
  expect(await owner.sql`select 1 from pg_namespace where nspname = 'holdfast'`).toEqual([])
  expect(await owner.sql`select 1 from pg_default_acl`).toEqual([])
  await runAdmin(box.ownerUrl, `drop role ${role}`)
  await uninstall(owner)
})
