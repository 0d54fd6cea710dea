import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { createRandom } from '../../src/prove/random.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

// Correct requests of every kind that looks like a fault, on a pool that is always too small.
// The whole: HOLDFAST_REQUESTS=100000 npx vitest run test/core/no-false-reports.test.ts
const REQUESTS = Number(process.env['HOLDFAST_REQUESTS'] ?? 3_000)
const AT_ONCE = 24
/** A fresh pool now and then: its connections are being opened while more requests come than it may have. */
const PER_POOL = 500

let box: TestDatabase
let server: Server
let url: string
beforeAll(async () => {
  box = await openTestDatabase()
  server = createServer((_request, response) => void setTimeout(() => response.end('ok'), 3))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await box.close()
})

const pause = async (ms: number) => await new Promise((resolve) => setTimeout(resolve, ms))

/** Each kind is right as it is; `loose` takes the promises that the request itself does not wait for. */
const kinds: ((db: Db, loose: Promise<unknown>[]) => Promise<unknown>)[] = [
  async (db) => await db.query('select 1'),
  async (db) => await db.tx(async (tx) => await Promise.all([tx.query('select 1'), tx.query('select 2')])),
  async (db) =>
    await Promise.all([db.tx(async (tx) => await tx.query('select 1')), db.query('select 2'), db.query('select 3')]),
  async (db, loose) =>
    await db.tx(async (tx) => {
      await tx.query('select 1')
      loose.push(db.query('select 2').catch(() => {}))
      await tx.query('select 3')
    }),
  async (db, loose) =>
    await db.tx(async (tx) => {
      await tx.query('select 1')
      loose.push(db.query('select 2').catch(() => {}))
      await (await fetch(url)).text()
    }),
  async (db) =>
    await db.tx(async (tx) => {
      await tx.query('select 1')
      await (await fetch(url)).text()
      await tx.query('select 2')
    }),
  async (db) =>
    await db.tx(async (tx) => {
      await tx.query('select 1')
      await pause(2)
      await tx.savepoint(async (part) => await part.query('select 2'))
    }),
  async (db, loose) => {
    await db.tx(async (tx) => {
      await tx.query('select 1')
      tx.afterCommit(() => void loose.push(db.query('select 2')))
    })
  },
  async (db) => {
    const [row] = await db.sql`select 1 as one`
    await db.tx(async (tx) => await tx.sql`select ${row?.['one']}::int`)
  },
]

test(`${REQUESTS} correct requests raise no report, no deadlock and no time-out`, { timeout: 600_000 }, async () => {
  const random = createRandom(7)
  const warnings: unknown[] = []
  const failures: unknown[] = []
  const totals = { deadlocks: 0, nestedCheckouts: 0, timeouts: 0 }
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, error: ignore, warn: (fields: object) => void warnings.push(fields) }
  for (let done = 0; done < REQUESTS; done += PER_POOL) {
    const db = await connectTo({ url: box.url, nested: 'report', pool: { max: 5 }, acquireMs: 30_000, logger })
    const loose: Promise<unknown>[] = []
    let left = Math.min(PER_POOL, REQUESTS - done)
    const lane = async () => {
      while (left-- > 0) {
        const kind = kinds[Math.floor(random() * kinds.length)] as (typeof kinds)[number]
        await db
          .runRequest({ route: 'GET /' }, async () => await kind(db, loose))
          .catch((error: unknown) => failures.push(error))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    await Promise.all(loose)
    const { pool } = db.stats()
    for (const name of ['deadlocks', 'nestedCheckouts', 'timeouts'] as const) totals[name] += pool[name]
    await db.close()
  }
  // A transaction that awaits a slow answer for longer than 250 ms is a finding of its own, and a true one.
  const reports = warnings.filter((fields) => (fields as { code?: string }).code !== 'HF_TX_IDLE')
  expect({ failures, reports, totals }).toEqual({
    failures: [],
    reports: [],
    totals: { deadlocks: 0, nestedCheckouts: 0, timeouts: 0 },
  })
})
