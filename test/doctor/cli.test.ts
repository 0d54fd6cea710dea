import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTestDatabase, runAdmin } from '../helpers/database.js'
import { runCli } from '../helpers/run-cli.js'
import { blockingApp, makeProject } from './project.js'

const scan = async (cwd: string, ...args: string[]) => await runCli(['scan', ...args], {}, cwd)

test('text in 80 columns with the way there; exit code 1', async () => {
  await using project = await makeProject({ 'src/app.ts': blockingApp })
  const { code, stdout, stderr } = await scan(project.folder, 'src')
  expect([code, stderr]).toEqual([1, ''])
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(stdout.replace(/in [\d.]+ s/, 'in N s')).toMatchInlineSnapshot(`
    "act    doctor/sync-in-request
           src/app.ts:8
           readFileSync is reached from GET /bad: it reads or writes files on the
           event loop, and every request of the process waits.
             → GET /bad (src/app.ts:5)
             → read (src/app.ts:7)
             → readFileSync(name, 'utf8') (src/app.ts:8)
           fix: \`await readFile(…)\` of node:fs/promises; what does not change is
           read once when the process starts.

    src: 1 file in N s; 1 route, 1 handler with middleware, 2 functions behind
    them, 67 % of their calls known
    1 to act on, 0 to watch, 0 hints
    "
  `)
}, 60_000)

test('a baseline lets only what is new count, --fail-on decides from which severity', async () => {
  await using project = await makeProject({ 'src/app.ts': blockingApp })
  const { folder } = project
  const written = await scan(folder, 'src/', '--write-baseline')
  expect([written.code, written.stdout]).toEqual([0, ''])
  const baseline = await readFile(join(folder, '.holdfast-baseline.json'), 'utf8')
  expect(JSON.parse(baseline)).toMatchObject({ version: 1, findings: [{ rule: 'doctor/sync-in-request' }] })
  const same = await scan(folder, 'src/', '--baseline', '.holdfast-baseline.json')
  expect([same.code, same.stdout]).toEqual([0, expect.stringContaining('1 more in the baseline')])
  const light =
    "import { existsSync } from 'node:fs'\nimport { app } from './app.js'\napp.get('/new', (c) => existsSync('a'))\n"
  await project.write({ 'src/app.ts': blockingApp.replace('const app', 'export const app'), 'src/new.ts': light })
  const args = ['src/', '--baseline', '.holdfast-baseline.json', '--json']
  const fresh = await scan(folder, ...args)
  expect(fresh.code).toBe(0)
  expect(JSON.parse(fresh.stdout)).toMatchObject({
    ok: true,
    failOn: 'act',
    inBaseline: 1,
    findings: [
      { rule: 'doctor/sync-in-request', severity: 'watch', file: 'src/new.ts', line: 3, routes: ['GET /new'] },
    ],
  })
  expect((await scan(folder, ...args, '--fail-on', 'watch')).code).toBe(1)
}, 60_000)

test('SARIF on stdout; what cannot be understood is exit code 2', async () => {
  await using project = await makeProject({ 'src/app.ts': blockingApp, 'notes.md': 'no source' })
  const sarif = await scan(project.folder, './src/app.ts', '--sarif')
  expect(sarif.code).toBe(1)
  expect(JSON.parse(sarif.stdout)).toMatchObject({ version: '2.1.0', runs: [{ results: [{ level: 'error' }] }] })
  for (const [args, error] of [
    [['src/nothing'], 'HF_DOCTOR_TARGET'],
    [['./notes.md'], 'is no source file'],
    [['src/', '--sarif', '--json'], 'HF_CLI_USAGE'],
    [['src', '--fail-on', 'never'], 'HF_CLI_USAGE'],
    [['src', '--baseline', 'missing.json'], 'HF_DOCTOR_BASELINE'],
    [['GET /orders', '--sarif'], 'HF_CLI_USAGE'],
  ] as const) {
    const run = await scan(project.folder, ...args)
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining(error)])
  }
}, 60_000)

test('with a database, what watch has seen block makes the finding at that line certain', async () => {
  const light = blockingApp.replace("readFileSync(name, 'utf8')", 'String(existsSync(name))')
  await using project = await makeProject({ 'src/app.ts': light.replace('readFileSync', 'existsSync') })
  const box = await openTestDatabase()
  const args = ['src', '--url', box.url, '--json']
  expect((await scan(project.folder, ...args)).code).toBe(0)
  await runAdmin(
    box.ownerUrl,
    `insert into holdfast.watch_findings (kind, statement, subject, severity, route, sentence, evidence, fix, prove)
     values ('blocked-loop', 0, 'src/app.ts:8', 'act', 'GET /bad', 'The event loop stood still for 300 ms.', '{}', '', '')`,
  )
  const seen = await scan(project.folder, ...args)
  expect(seen.code).toBe(1)
  expect(JSON.parse(seen.stdout)).toMatchObject({
    findings: [{ severity: 'act', line: 8, evidence: { sentence: 'The event loop stood still for 300 ms.' } }],
  })
  await box.close()
}, 60_000)
