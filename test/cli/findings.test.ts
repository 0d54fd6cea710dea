import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { fillBlocking } from '../helpers/blocking-data.js'
import { fillPlans, flipped, idle } from '../helpers/plans-data.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => {
  await box.close()
})

const run = async (...args: string[]): Promise<CliRun> => await runCli(args, { DATABASE_URL: box.url })
const checkWidth = ({ stdout }: CliRun) => {
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
}

test('before anything was seen the commands say so', async () => {
  const [findings, query] = await Promise.all([run('findings'), run('query')])
  expect([findings.code, findings.stdout]).toEqual([0, expect.stringContaining('Nothing was found')])
  expect([query.code, query.stdout]).toEqual([0, expect.stringContaining('fix: call `watch(db)`')])
})

test('findings lists what was found within 80 columns; exit code 1 while one is to be acted on', async () => {
  await fillPlans(box.ownerUrl)
  const found = await run('findings')
  expect(found.code).toBe(1)
  expect(found.stdout).toMatch(/^act {4}plan-flip {2}for 2\d m, 21 times, last 1 m ago$/m)
  expect(found.stdout).toContain('prove: holdfast prove plan-flip')
  expect(found.stdout).toContain(`query: holdfast query ${flipped.id}`)
  expect(found.stdout).not.toContain('unbounded-result')
  checkWidth(found)
  const { findings } = JSON.parse((await run('findings', '--since', '7d', '--json')).stdout) as { findings: unknown[] }
  expect(findings).toHaveLength(5)
})

test('query lists statements, and shows one with its course, plans and findings', async () => {
  const list = await run('query')
  expect(list.code).toBe(0)
  for (const { id } of [flipped, idle]) expect(list.stdout).toContain(id)
  expect(list.stdout).toContain('GET /trades and 1 more')
  checkWidth(list)

  const one = await run('query', flipped.id)
  expect([one.code, one.stderr]).toEqual([0, ''])
  expect(one.stdout).toMatch(/^P95 {2}.*█+ .*540ms at most|^P95 {2}.*█+.*ms at most/m)
  expect(one.stdout).toMatch(/^A {4}\.*#+\.+$/m)
  expect(one.stdout).toMatch(/^B {4}\.+#+$/m)
  expect(one.stdout).toContain('    public.trades by trades_user_id')
  expect(one.stdout).toContain('    all of public.trades')
  expect(one.stdout).toContain('version v42 came')
  checkWidth(one)
  const asJson = JSON.parse((await run('query', flipped.id, '--json')).stdout) as { plans: unknown[]; lanes: unknown[] }
  expect(asJson.plans).toHaveLength(2)
  expect(asJson.lanes.length).toBeGreaterThan(20)
})

test('an id that is none, and one that nobody has seen, are told apart', async () => {
  expect(await run('query', 'select')).toMatchObject({ code: 2, stderr: expect.stringContaining('is no id') as string })
  const unknown = await run('query', '-7')
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('HF_CLI_QUERY_UNKNOWN') as string })
})

test('doctor tells of them', async () => {
  const { code, stdout } = await run('doctor')
  expect(code).toBe(1)
  expect(stdout).toContain('watch.plan-flip.')
  expect(stdout).toContain('There are 2 hints: holdfast findings')
})

test('of what blocks the place, the routes and the stack are told, within 80 columns', async () => {
  const blocked = await openTestDatabase()
  await fillBlocking(blocked.ownerUrl)
  const environment = { DATABASE_URL: blocked.url }
  const found = await runCli(['findings'], environment)
  expect(found.stdout).toContain('       place: src/auth/verify-password.ts:41\n')
  expect(found.stdout).toMatch(/^ {7}routes: POST \/login, POST$/m)
  expect(found.stdout).toContain('       at login (src/auth/routes.ts:12)\n')
  expect(found.stdout).toContain('       route: POST /pay\n')
  checkWidth(found)
  const { findings } = JSON.parse((await runCli(['findings', '--json'], environment)).stdout) as {
    findings: { kind: string; evidence: object }[]
  }
  expect(findings.find(({ kind }) => kind === 'sync-call')?.evidence).toHaveProperty('stack')
  await blocked.close()
})

test('without the tables of watch doctor says nothing of it, and the commands say what to do', async () => {
  const bare = await openTestDatabase({ migrated: false })
  const environment = { DATABASE_URL: bare.url }
  const [doctor, query] = await Promise.all([runCli(['doctor', '--json'], environment), runCli(['query'], environment)])
  expect(doctor.stdout).not.toContain('watch.')
  expect(query.stderr).toContain('HF_WATCH_NOT_INSTALLED')
  await bare.close()
})
