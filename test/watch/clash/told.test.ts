import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectTo, type Db } from '../../../src/core/index.js'
import { inspectWatch, watch, type Watch } from '../../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../../helpers/database.js'
import { eventually } from '../../helpers/eventually.js'
import { quietLogger } from '../../helpers/jobs.js'

let box: TestDatabase
let db: Db
let watching: Watch
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table gauge (id int primary key, level int not null)')
  await box.db.query('insert into gauge values (1, 10), (2, 10)')
  db = await connectTo({ url: box.url, directUrl: box.url, heartbeatMs: 600_000, pool: { max: 4 } })
  watching = await watch(db, { flushMs: 60_000, logger: quietLogger, clashEveryMs: 0, shapes: false, blocking: false })
})
afterAll(async () => {
  await watching.stop()
  await db.close()
  await box.close()
})

const set = async (level: number) => {
  await db.runRequest({}, async (context) => {
    context.route = 'PUT /gauge'
    await db.tx(async (tx) => {
      await tx.query('select level from gauge where id = $1', [1])
      await tx.query('update gauge set level = $1 where id = $2', [level, 1])
    })
  })
}
const tell = async () => {
  await watching.flush()
  const { clashes } = await inspectWatch(db).clashes({ protectedToo: true })
  const { findings } = await inspectWatch(db).findings({})
  const own = findings.filter(({ kind }) => kind === 'clash')
  return { clashes: clashes.map(({ kind }) => kind), findings: own.map(({ subject }) => subject) }
}

test('what later requests show to have been chance is taken back, on the page and among the findings', async () => {
  await eventually(async () => {
    const [row] = (await db.query<{ level: number }>('select level from gauge where id = 1')).rows
    await set((row?.level ?? 0) - 1)
    expect(await tell()).toEqual({ clashes: ['lost update'], findings: ['gauge: PUT /gauge'] })
  })
  for (let n = 1; n < 20; n++) await set(n * n * 1_000)
  expect(await tell()).toEqual({ clashes: [], findings: [] })
})
