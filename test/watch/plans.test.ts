import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { watch, type Watch } from '../../src/watch/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'

let box: TestDatabase
let watching: Watch
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query(`create table trades as
    select n as id, case when n % 12 = 0 then 1 else n % 5000 end as user_id, n % 7 as side, repeat('x', 100) as raw,
           now() - n * interval '1 second' as created_at from generate_series(1, 120000) n`)
  await box.db.query('create index trades_user on trades (user_id)')
  await box.db.query('analyze trades')
})
beforeEach(async () => {
  await runAdmin(
    box.ownerUrl,
    'truncate holdfast.watch_plans, holdfast.watch_findings, holdfast.watch_sightings, holdfast.watch_series',
  )
  watching = await watch(box.db, { logger: quietLogger, flushMs: 60_000 })
})
afterEach(async () => await watching.stop())
afterAll(async () => await box.close())

const text = 'select * from trades where user_id = $1 order by created_at desc limit 50'
const run = async (times: number, user = (n: number) => (n % 12 === 0 ? 1 : n % 500), name?: string) => {
  for (let n = 0; n < times; n++) {
    await box.db.query(text, [user(n)], name === undefined ? {} : { name })
  }
}
const settle = async () => {
  await watching.flush()
  return await runAdmin<Record<string, unknown>>(box.ownerUrl, 'select * from holdfast.watch_findings')
}

test('a dropped index', async () => {
  await run(200)
  await box.db.query('drop index trades_user')
  await run(60)
  await new Promise((r) => setTimeout(r, 500))
  const f = await settle()
  console.log(JSON.stringify(f, null, 1), watching.stats())
  console.log(await runAdmin(box.ownerUrl, 'select * from holdfast.watch_plans'))
  expect(f).toHaveLength(1)
})
