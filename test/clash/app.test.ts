import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'
import { fillShop } from './shop.js'

const app = `${process.execPath} ${fileURLToPath(new URL('fixtures/shop-app.mjs', import.meta.url))}`
let box: TestDatabase
let folder: string

beforeAll(async () => {
  box = await openTestDatabase({ migrated: false })
  await fillShop(box.ownerUrl)
  await box.db.close()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-clash-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await box.close()
})

const run = async (...args: string[]): Promise<CliRun> =>
  await runCli(['clash', 'replay', ...args], { DATABASE_URL: box.ownerUrl })

async function expectNothingLeft(): Promise<void> {
  const name = new URL(box.ownerUrl).pathname.slice(1)
  const text = `select datname from pg_database where datname like $1 || '_clash_%'`
  expect(await runAdmin(box.ownerUrl, text, [name.slice(0, 40)])).toEqual([])
  expect(await runAdmin(box.ownerUrl, 'select stock from item order by id')).toEqual([{ stock: 3 }, { stock: 3 }])
  expect(await runAdmin(box.ownerUrl, `select from pg_namespace where nspname = 'holdfast_clash'`)).toEqual([])
}

test(
  'an application that is not changed is replayed over HTTP, and a test is written',
  { timeout: 60_000 },
  async () => {
    const file = join(folder, 'naive.test.ts')
    const { code, stdout, stderr } = await run('--app', app, '--request', 'POST /naive {"item":1}', '--test', file)
    expect(stderr).toContain('is written')
    expect(code, stdout + stderr).toBe(1)
    expect(stdout).toContain('A  POST /naive')
    expect(stdout).toContain('item differs in stock')
    expect(stdout).not.toContain('instead of 3')
    const text = await readFile(file, 'utf8')
    expect(text).toContain(`httpRequest('POST /naive {"item":1}')`)
    expect(text).not.toContain(new URL(box.ownerUrl).password)
    await expectNothingLeft()
  },
)

test('what locks is not a clash, and single statements of postgres.js are', { timeout: 60_000 }, async () => {
  const request = ['--request', 'POST /locked {"item":1}']
  const locked = await run('--app', app, ...request, ...request, '--json')
  expect(locked.code, locked.stdout + locked.stderr).toBe(0)
  expect(JSON.parse(locked.stdout)).toMatchObject({ verdict: 'none found', serial: [{ statuses: [201, 201] }, {}] })
  const joined = await run('--app', app, '--request', 'POST /join {"email":"a@b"}')
  expect(joined.code, joined.stdout + joined.stderr).toBe(1)
  await expectNothingLeft()
})

test('what cannot be started, or makes no sense, is told', { timeout: 60_000 }, async () => {
  const [none, ended, odd] = await Promise.all([
    run('--request', 'POST /naive'),
    run('--app', 'exit 7', '--request', 'POST /naive'),
    run('--app', app, '--request', 'naive'),
  ])
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--app')])
  expect([ended.code, ended.stderr]).toEqual([3, expect.stringContaining('ended by itself with 7')])
  expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining('HF_CLASH_REQUEST')])
  await expectNothingLeft()
})
