import { afterAll, beforeAll, expect, test } from 'vitest'
import { watch } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'
import { writeOutbound, writeSeries } from '../helpers/watch-series.js'

const longRoute = `GET /${'a-long-segment/'.repeat(8)}:id`

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => {
  await box.close()
})

const run = async (...args: string[]): Promise<CliRun> => await runCli(['watch', ...args], { DATABASE_URL: box.url })

test('before anything was seen it says how to see something', async () => {
  const { code, stdout } = await run()
  expect([code, stdout]).toEqual([0, expect.stringContaining('fix: Call `watch(db)`')])
})

test('shows routes and the statements of one, within 80 columns, and the same as JSON', async () => {
  const watching = await watch(box.db, { logger: quietLogger })
  for (const route of ['GET /orders', longRoute])
    await box.db.runRequest({ route }, async () => {
      for (let n = 0; n < 3; n++) await box.db.query(`select 'secret', n from generate_series(1, 5) n`)
    })
  await watching.stop()

  const routes = await run()
  expect(routes.stdout).toContain('GET /orders')
  expect(routes.stdout).toMatch(/pool \d+%  sql \d+%  outbound \d+%  loop \d+%  rest \d+%/)
  const one = await run('GET /orders')
  expect(one.stdout).toContain('select $1, n from generate_series($2, $3) n')
  expect(one.stdout).toContain('5 rows')
  expect(one.stdout).toContain('3 calls a request, 3 at most')
  for (const { stdout } of [routes, one])
    for (const line of stdout.split('\n'))
      if (!line.includes('a-long-segment')) expect(line.length).toBeLessThanOrEqual(80)
  const { routes: asJson } = JSON.parse((await run('--json')).stdout) as {
    routes: { route: string; requests: number }[]
  }
  expect(asJson.map(({ route, requests }) => [route, requests]).toSorted()).toEqual(
    [
      ['GET /orders', 1],
      [longRoute, 1],
    ].toSorted(),
  )
  expect(JSON.stringify([routes, one])).not.toContain('secret')
})

test('shows other services of a route, and how many slow requests can have been first ones', async () => {
  const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000)
  const [own, host] = [{ minutes: 60, at: hour, route: 'GET /pay' } as const, `${'a-long-name.'.repeat(4)}example`]
  await writeSeries(box.ownerUrl, [
    { ...own, calls: 400, typicalMs: 20, slowMs: 20 },
    { ...own, process: '2', calls: 40, typicalMs: 800, slowMs: 800, cold: 40, coldMs: 32_000, loopMs: 20_000 },
  ])
  await writeOutbound(box.ownerUrl, [
    { ...own, host, calls: 220, totalMs: 2_200 },
    { ...own, host: 'rates.example', calls: 440, totalMs: 440 },
  ])
  const { stdout } = await run('GET /pay')
  expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
    /at most \d+ were first requests of a process \(40, 800ms on average\); p95 of all others 2\dms or more/,
  )
  expect(stdout).toMatch(/loop \d\d%/)
  expect(stdout).toMatch(/220 {4}83%\n {4}a-long-name.*example, in 50% of its\n {4}requests\n/)
  expect(stdout).toMatch(/440 {4}17%\n {4}rates.example, in 100% of its requests\n/)
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(JSON.parse((await run('GET /pay', '--json')).stdout)).toMatchObject({
    route: 'GET /pay',
    routes: [{ requests: 440, cold: { requests: 40, meanMs: 800 } }],
    statements: [],
    services: [{ host }, { host: 'rates.example', requests: 440 }],
  })
})

test('a time that is none is refused', async () => {
  const { code, stderr } = await run('--since', 'yesterday')
  expect([code, stderr]).toEqual([2, expect.stringContaining('such as 30m')])
})
