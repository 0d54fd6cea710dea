import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatHelp } from '../../src/cli/command.js'
import { locksCommand } from '../../src/cli/commands/locks.js'
import { openTerminal } from '../../src/cli/terminal.js'
import { createLocks, type Locks, type LocksOverview } from '../../src/locks/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'

const longKey = `import:${'of-a-long-name.'.repeat(8)}`

let box: TestDatabase
let locks: Locks
beforeAll(async () => {
  box = await openTestDatabase()
  locks = createLocks(box.db, { name: 'ada', logger: quietLogger })
})
afterAll(async () => {
  await locks.close()
  await box.close()
})

const run = async (...args: string[]): Promise<CliRun> => await runCli(['locks', ...args], { DATABASE_URL: box.url })

function expectFits(text: string, except: string[] = []): void {
  for (const line of text.split('\n'))
    if (!except.includes(line.trim())) expect(line.length, line).toBeLessThanOrEqual(80)
}

test('help fits 80 columns; two keys are too many', async () => {
  expectFits(formatHelp(locksCommand, openTerminal({ NO_COLOR: '1' })).join('\n'))
  expect(await run('a', 'b')).toMatchObject({ code: 2, stdout: '' })
})

test('nothing is waited for; a key that nobody holds is free, exit code 1', async () => {
  expect(await run()).toEqual({ code: 0, stdout: 'ok     No lock is waited for.\n', stderr: '' })
  expect(await run('report:42')).toMatchObject({ code: 1, stdout: 'free  report:42\n' })
  const { code, stdout } = await run('report:42', '--json')
  expect([code, (JSON.parse(stdout) as LocksOverview).opened]).toEqual([1, null])
})

test('without our tables it says so', async () => {
  const bare = await openTestDatabase({ migrated: false })
  const { code, stdout } = await runCli(['locks'], { DATABASE_URL: bare.ownerUrl })
  await bare.close()
  expect(code).toBe(0)
  expect(stdout).toMatch(/^watch {2}The tables of locks are not in this database/)
  expect(stdout).toContain('holdfast migrate')
})

test('holders, waiters and blocked sessions, readable at 80 columns; no terminal is driven, no literal shown', async () => {
  const end = new AbortController()
  await using lock = await locks.acquire('report:42', { label: 'nightly report of a customer' })
  await using _long = await locks.acquire([longKey, 'red\u001B[31m'])
  void locks.acquire('report:42', { signal: end.signal, waitMs: 60_000, label: 'export' }).catch(() => {})
  await box.db.query('create table orders (id int, note text)')
  const root = new pg.Client({ connectionString: box.url, application_name: 'billing' })
  await root.connect()
  await root.query(`begin; lock table orders; insert into orders values (4711, 'secret')`)
  const blocked = box.db.query(
    `update orders set note = 'secret' where id = 4711 and note in (select note from orders where note > 'secret')`,
  )
  await eventually(async () => expect((await run()).stdout).toContain('1 session waits'))
  const { code, stdout } = await run()
  const opened = await run('report:42')
  const asJson = JSON.parse((await run('report:42', '--json')).stdout) as LocksOverview
  await root.query('rollback')
  await blocked
  await root.end()
  end.abort()
  expect(code).toBe(0)
  expectFits(stdout, [longKey])
  expect(stdout).toMatch(/^(ok|act) /)
  expect(stdout).toMatch(/^report:42 +ada +\d+ m?s +in \d+ s +1 +\d+ m?s$/m)
  expect(stdout.split('\n')).toContain(longKey)
  expect(stdout).not.toContain('\u001B')
  expect(stdout).toMatch(/^billing \(pid \d+\) idle in transaction for \d+ m?s blocks 1$/m)
  expect(stdout).toMatch(/^ {2}holdfast \(pid \d+\) active for \d+ m?s waits \d+ m?s for relation orders$/m)
  expect(stdout).not.toMatch(/secret|4711/)
  expectFits(opened.stdout)
  expect(opened.stdout).toMatch(
    new RegExp(`^ada +holds +\\d+ m?s +in \\d+ s +${lock.fence} +nightly report of a cus…$`, 'm'),
  )
  expect(opened.stdout).toMatch(/^ada +waits +\d+ m?s +export$/m)
  expect(asJson.opened).toMatchObject({ key: 'report:42', holders: [{ owner: 'ada' }], waiters: [{ label: 'export' }] })
  expect(asJson.sessions).toMatchObject([{ application: 'billing', blocks: 1 }, { depth: 1 }])
})
