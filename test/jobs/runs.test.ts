import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Db } from '../../src/core/index.js'
import { parseClaim, type ClaimedJob } from '../../src/jobs/claimed-job.js'
import { joinRuns } from '../../src/jobs/ledger.js'
import * as store from '../../src/jobs/store.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { runWithout, type Guard } from './explore/guards.js'

// Neighbours of a claim are ended by their first and last, though ids of other queues, and of jobs that were committed
// after the claim, lie in between.

let box: TestDatabase
let db: Db
let owner: pg.Client
let lanes: [number, number]
beforeAll(async () => {
  box = await openTestDatabase()
  db = box.db
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  lanes = [
    (await store.registerQueue(db, 'mine', 3, 0)) * 4 + 1,
    (await store.registerQueue(db, 'another', 3, 0)) * 4 + 1,
  ]
})
afterAll(async () => {
  await owner.end()
  await box.close()
})
beforeEach(async () => {
  for (const table of ['jobs_ready', 'jobs_claims', 'jobs_workers']) await db.query(`delete from holdfast.${table}`)
})

const leftIn = async (lane: number) =>
  (await db.sql<{ id: string }>`select id from holdfast.jobs_ready where lane = ${lane} order by id`).map(({ id }) =>
    Number(id),
  )

/** Fifty jobs of mine, others of another queue and one of mine that is committed late between them, claimed and ended. */
async function endSparse(frees: boolean): Promise<{ late: number; done: number; runs: number; left: number[] }> {
  const worker = await store.addWorker(db, 'test', 60_000)
  const slow = await db.connectDirect()
  let late = 0
  for (let n = 0; n < 50; n++) {
    if (n === 25) {
      await slow.query('begin')
      const { rows } = await slow.query<{ id: string }>('select holdfast.jobs_send($1, $2) as id', [lanes[0], '"late"'])
      late = Number(rows[0]?.id)
    }
    await store.sendPlain(db, lanes[0], `${n}`)
    await store.sendPlain(db, lanes[1], `${n}`)
  }
  const [row] = await store.claim(db, worker, [lanes[0]], [0], [0], 100)
  const jobs = parseClaim(row as store.ClaimRow)
  expect(jobs.length).toBe(50)
  await slow.query('commit')
  await slow.end()
  const runs = joinRuns(jobs)
  const done = await store.complete(db, worker, { lane: lanes[0], ...runs, ended: [Number(row?.cid)], frees })
  return { late, done, runs: runs.lo.length, left: await leftIn(lanes[0]) }
}

test.each([false, true])('one run ends fifty scattered jobs and no other (frees: %s)', async (frees) => {
  const { late, done, runs, left } = await endSparse(frees)
  // Fifty ids may cross the border of a slot.
  expect(runs).toBeLessThan(20)
  expect(done).toBe(50)
  expect(left).toEqual([late])
  expect((await leftIn(lanes[1])).length).toBe(50)
})

test('without the look at the claim a job that was committed late would be gone, and nobody would have run it', async () => {
  const ofClaim: Guard = { in: 'jobs_complete', text: ' and r.id <@ v_ids', without: '' }
  const { done, left } = await runWithout(owner, ofClaim, async () => await endSparse(false))
  expect(done).toBe(51)
  expect(left).toEqual([])
})

test('runs are of one claim and one slot, hold what was done and nothing else of the claim', () => {
  const claims = fc.uniqueArray(fc.integer({ min: 65_536 * 3 - 200, max: 65_536 * 3 + 200 }), { maxLength: 300 })
  fc.assert(
    fc.property(claims, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 40 }), (ids, owners, gap) => {
      const byClaim = new Map<number, number[]>()
      for (const [n, id] of ids.entries()) byClaim.set(n % owners, [...(byClaim.get(n % owners) ?? []), id])
      const jobs: Pick<ClaimedJob, 'id' | 'cid' | 'place'>[] = []
      for (const [cid, mine] of byClaim)
        for (const [place, id] of mine.toSorted((a, b) => a - b).entries()) jobs.push({ id, cid, place })
      const done = jobs.filter(({ place }) => place % gap !== 0)
      const { lo, hi, cids } = joinRuns(done)
      const ended = lo.flatMap((low, n) => {
        expect(low >> 16).toBe((hi[n] as number) >> 16)
        return (byClaim.get(cids[n] as number) ?? []).filter((id) => id >= low && id <= (hi[n] as number))
      })
      expect(ended.toSorted()).toEqual(done.map(({ id }) => id).toSorted())
    }),
  )
})
