import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadWaiting } from '../../bench/src/contests/jobs/load-backlog.js'
import { createJobs, defineJob } from '../../src/jobs/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'

let database: TestDatabase
beforeAll(async () => (database = await openTestDatabase()))
afterAll(async () => await database.close())

const payload = { sentAt: 1.5, order: 'o', note: 'x' }

test('what the bench loads by SQL has the columns that the product writes', async () => {
  const job = defineJob('bench', {
    attempts: 2,
    backoffMs: 0,
    handler: () => {
      throw new Error('no')
    },
  })
  const jobs = await createJobs(database.db, { jobs: [job] })
  const delayed = await jobs.send(job, payload, { delayMs: 3_600_000 })
  const dead = await jobs.send(job, payload)
  await jobs.work()
  await eventually(async () => expect((await jobs.findDead()).length).toBe(1))
  await jobs.close()

  await loadWaiting(database.ownerUrl, { delayed: 3, dead: 3 }, () => {})
  const later = await describeRows('jobs_later', delayed.id)
  expect(later.loaded).toEqual([later.own, later.own, later.own])
  const letters = await describeRows('jobs_dead', dead.id)
  expect(letters.loaded).toEqual([letters.own, letters.own, letters.own])
  const [index] = await runAdmin<{ found: string | null }>(
    database.ownerUrl,
    `select to_regclass('holdfast.jobs_dead_body') as found`,
  )
  expect(index?.found).not.toBeNull()
})

/** The product's own row and the others, as the shape of each column: whether it is null, and the keys of JSON. */
async function describeRows(table: string, ownId: string): Promise<{ own: object; loaded: object[] }> {
  const rows = await runAdmin<{ id: string }>(database.ownerUrl, `select * from holdfast.${table}`)
  const describeRow = (row: object) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, describeShape(name, value)]))
  return {
    own: describeRow(rows.find(({ id }) => id === ownId) as object),
    loaded: rows.filter(({ id }) => id !== ownId).map(describeRow),
  }
}

function describeShape(name: string, value: unknown): unknown {
  if (value === null) return null
  const json: unknown = name === 'body' && typeof value === 'string' ? JSON.parse(value) : value
  if (Array.isArray(json)) return json.map((entry: object) => Object.keys(entry).sort())
  if (name === 'body') return Object.keys(json as object).sort()
  return ['queue', 'lane', 'priority', 'attempt', 'attempts'].includes(name) ? value : typeof value
}
