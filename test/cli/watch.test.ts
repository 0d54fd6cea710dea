import { afterAll, beforeAll, expect, test } from 'vitest'
import { watch } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'

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
  expect(routes.stdout).toMatch(/pool \d+%  sql \d+%  outbound \d+%  rest \d+%/)
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

test('a time that is none is refused', async () => {
  const { code, stderr } = await run('--since', 'yesterday')
  expect([code, stderr]).toEqual([2, expect.stringContaining('such as 30m')])
})
