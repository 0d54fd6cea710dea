import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Client } from 'pg'
import type { Db } from '../../src/core/index.js'
import { parseClaim } from '../../src/jobs/claimed-job.js'
import { LaneMarks } from '../../src/jobs/lane-marks.js'
import * as store from '../../src/jobs/store.js'
import { eventually } from '../helpers/eventually.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

// The protocol, driven through the real store functions: every order of the steps of two workers, a slow sender and a
// reaper, and for each rule a run without it that is seen to fail.

let box: TestDatabase
let db: Db
let lane: number
beforeAll(async () => {
  box = await openTestDatabase()
  db = box.db
  lane = (await store.registerQueue(db, 'protocol', 3, 0)) * 4 + 1
})
afterAll(async () => await box.close())
beforeEach(async () => {
  for (const table of ['jobs_ready', 'jobs_claims', 'jobs_later', 'jobs_dead', 'jobs_unique', 'jobs_workers'])
    await db.query(`delete from holdfast.${table}`)
})

const sendOne = async (body: string) => (await store.sendPlain(db, lane, body))[0] as string
const bodies = async () =>
  (await db.sql<{ body: string }>`select body from holdfast.jobs_ready order by body`).map(({ body }) => body)
const addWorker = async (leaseMs = 60_000) => await store.addWorker(db, 'test', leaseMs)
const lapse = async (worker: string) =>
  await db.query(`update holdfast.jobs_workers set seen_at = now() - interval '1 hour' where id = $1`, [worker])

interface Claimed {
  cid: number
  ids: number[]
  bodies: string[]
  row: store.ClaimRow
}

async function claimAll(worker: string, from = 0, opened = 0, most = 100): Promise<Claimed> {
  const [row] = await store.claim(db, worker, [lane], [from], [opened], most)
  const claimed = row ? parseClaim(row) : []
  return {
    cid: Number(row?.cid),
    ids: claimed.map(({ id }) => id),
    bodies: claimed.map(({ body }) => body),
    row: row as store.ClaimRow,
  }
}

const finish = async (worker: string, { cid, ids }: Claimed, ended = true) =>
  await store.complete(db, worker, {
    lane,
    lo: ids,
    hi: ids,
    cids: ids.map(() => cid),
    ended: ended ? [cid] : [],
    frees: true,
  })

test('a claimed job is nobody else’s until its claim is closed', async () => {
  const [a, b] = [await addWorker(), await addWorker()]
  await sendOne('"1"')
  const mine = await claimAll(a)
  expect(mine.bodies).toEqual(['"1"'])
  expect((await claimAll(b)).bodies).toEqual([])
  expect(await finish(a, mine)).toBe(1)
  expect((await claimAll(b)).bodies).toEqual([])
  expect(await bodies()).toEqual([])
})

test('a worker that was declared gone can neither complete, fail, hand back, note a start, nor claim', async () => {
  const [zombie, other] = [await addWorker(), await addWorker()]
  await sendOne('"1"')
  const lost = await claimAll(zombie)
  const id = lost.ids[0] as number
  await lapse(zombie)
  expect(await store.reapWorkers(db, other)).toBe(1)
  expect(await finish(zombie, lost)).toBe(0)
  expect(await store.fail(db, zombie, lane, [{ id, cid: lost.cid, runAt: null, error: {} }])).toBe(0)
  await store.giveBack(db, zombie, lane, [id], [lost.cid])
  expect(await store.noteStart(db, zombie, lane, lost.cid, id)).toBe(false)
  await expect(claimAll(zombie)).rejects.toMatchObject({ code: 'HF001' })
  const late = store.finishStatement(zombie, lane, [id], [lost.cid])
  const transactional = db.tx(async (tx) => await tx.batch([late]))
  await expect(transactional).rejects.toMatchObject({ code: 'HF002' })
  const next = await claimAll(other)
  expect(next.bodies).toEqual(['"1"'])
  expect(await finish(other, next)).toBe(1)
})

test('without the fence of the claim the zombie’s completion would take the other worker’s job', async () => {
  const [zombie, other] = [await addWorker(), await addWorker()]
  await sendOne('"1"')
  const lost = await claimAll(zombie)
  await lapse(zombie)
  await store.reapWorkers(db, other)
  const next = await claimAll(other)
  // What an unfenced completion does: it deletes the job by what it is, not by who holds it.
  const { rowCount } = await db.query(
    'delete from holdfast.jobs_ready where lane = $1 and coalesce(origin, id) = any($2)',
    [lane, lost.ids],
  )
  expect(rowCount).toBe(1)
  expect(await finish(other, next)).toBe(0)
})

test('a worker whose lease runs is not reaped, and one whose session lives is not either', async () => {
  const [live, other] = [await addWorker(), await addWorker()]
  await sendOne('"1"')
  await claimAll(live)
  expect(await store.reapWorkers(db, other)).toBe(0)
  const session = await db.connectDirect()
  await session.query(store.lockWorkerText, [live])
  await store.renewWorker(db, live, true)
  expect(await store.reapWorkers(db, other)).toBe(0)
  await session.end()
  await expect.poll(async () => await store.reapWorkers(db, other)).toBe(1)
})

test('a crash makes a job suspect; a suspect one that had started has used an attempt, and the last one kills it', async () => {
  const error = async () =>
    (await db.sql<{ errors: { name: string }[] }>`select errors from holdfast.jobs_dead`)[0]?.errors
  await sendOne('"poison"')
  for (let round = 0; round < 4; round++) {
    const [worker, reaper] = [await addWorker(), await addWorker()]
    const claimed = await claimAll(worker)
    expect(claimed.bodies).toEqual(['"poison"'])
    if (round > 0) expect(await store.noteStart(db, worker, lane, claimed.cid, claimed.ids[0] as number)).toBe(true)
    await lapse(worker)
    expect(await store.reapWorkers(db, reaper)).toBe(1)
  }
  expect(await bodies()).toEqual([])
  expect((await error())?.map(({ name }) => name)).toEqual(['HF_JOBS_CRASHED', 'HF_JOBS_CRASHED', 'HF_JOBS_CRASHED'])
})

test('a suspect that never started keeps all its attempts', async () => {
  await sendOne('"innocent"')
  for (let round = 0; round < 10; round++) {
    const [worker, reaper] = [await addWorker(), await addWorker()]
    expect((await claimAll(worker)).bodies).toEqual(['"innocent"'])
    await lapse(worker)
    await store.reapWorkers(db, reaper)
  }
  const [row] = await db.sql`select attempt, crashes from holdfast.jobs_ready`
  expect(row).toEqual({ attempt: 1, crashes: 10 })
})

/** A sender whose transaction stays open between its insert and its commit. */
async function openSender(body: string): Promise<Client> {
  const client = await db.connectDirect()
  await client.query('begin')
  const text = `with begun as materialized (select pg_current_xact_id()), drawn as (select nextval('holdfast.jobs_ids') as id from begun offset 0)
    insert into holdfast.jobs_ready (slot, lane, id, body) select (id >> 16) & 7, $1, id, $2 from drawn`
  await client.query(text, [lane, body])
  return client
}

/** Claims and completes until nothing is found any more, as a worker's loop does, with or without the rule of the safe mark. */
async function drain(worker: string, marks: LaneMarks, obeysRule: boolean): Promise<string[]> {
  const seen: string[] = []
  for (let idle = 0; idle < 2;) {
    const from = obeysRule ? marks.choose(performance.now()) : (marks as unknown as { head: number }).head
    const claimed = await claimAll(worker, from ?? 0, marks.opened, 2)
    const last = marks.note(claimed.row, claimed.ids.length >= 2)
    if (!obeysRule)
      (marks as unknown as { head: number }).head = Math.max(from ?? 0, ...claimed.ids.map((id) => id + 1))
    if (last !== undefined) marks.raise(await store.findMark(db, lane, marks.safe, last, marks.opened))
    if (claimed.ids.length > 0) await finish(worker, claimed)
    seen.push(...claimed.bodies)
    idle = claimed.ids.length > 0 ? 0 : idle + 1
  }
  return seen
}

/** All interleavings of a slow sender's commit (or rollback) with three other sends and the worker's drains. */
const commitAt = [0, 1, 2, 3]
test.each(commitAt.flatMap((at) => [true, false].map((commits) => [at, commits] as const)))(
  'a job committed late, at step %i (commit: %s), is found; nothing is run twice',
  async (at, commits) => {
    const worker = await addWorker()
    const marks = new LaneMarks(lane)
    const slow = await openSender('"late"')
    const seen: string[] = []
    const end = async () => {
      await slow.query(commits ? 'commit' : 'rollback')
      await slow.end()
    }
    for (let step = 0; step <= 3; step++) {
      if (step === at) await end()
      await sendOne(`"${step}a"`)
      await sendOne(`"${step}b"`)
      seen.push(...(await drain(worker, marks, true)))
    }
    seen.push(...(await drain(worker, marks, true)))
    const expected = [0, 1, 2, 3].flatMap((step) => [`"${step}a"`, `"${step}b"`])
    expect(seen.toSorted()).toEqual([...expected, ...(commits ? ['"late"'] : [])].toSorted())
  },
)

test('beginning always after the last claimed id loses a job that was committed late', async () => {
  const worker = await addWorker()
  const marks = new LaneMarks(lane)
  const slow = await openSender('"late"')
  await sendOne('"0"')
  const seen = await drain(worker, marks, false)
  await slow.query('commit')
  await slow.end()
  seen.push(...(await drain(worker, marks, false)))
  expect(seen).toEqual(['"0"'])
  expect(await bodies()).toEqual(['"late"'])
})

test('the safe mark passes claimed jobs, and what is handed back is found above it', async () => {
  const [worker, other] = [await addWorker(), await addWorker()]
  const marks = new LaneMarks(lane)
  await sendOne('"long"')
  const held = await claimAll(worker, marks.choose(0), marks.opened, 1)
  expect(marks.note(held.row, true)).toBeUndefined()
  await sendOne('"next"')
  const next = await claimAll(other, 0, marks.opened, 1)
  let last = marks.note(next.row, false)
  // A transaction of anybody on this server, tests beside this one included, keeps xmin down while it runs.
  const look = async () => {
    last ??= marks.note(
      (await claimAll(other, next.row.last_id === null ? 0 : Number(next.row.last_id) + 1, marks.opened)).row,
      false,
    )
    expect(last).toBe(held.ids[0])
  }
  await eventually(look, { withinMs: 60_000 })
  marks.raise(await store.findMark(db, lane, marks.safe, last as number, marks.opened))
  expect(marks.safe).toBe((held.ids[0] as number) + 1)
  await store.giveBack(db, worker, lane, held.ids, [held.cid])
  const again = await claimAll(other, marks.safe, marks.opened)
  expect(again.bodies).toEqual(['"long"'])
}, 90_000)

test('a claim’s own transaction is no stamp for what it saw: a sender may have begun after it and drawn a lower id', () => {
  const marks = new LaneMarks(7)
  const row = { lane: 7, cid: '1', amount: 1, seen: 1, opened: '1', ids: null, jobs: '' }
  expect(marks.note({ ...row, last_id: '6', xid: '100', xmin: '100' }, false)).toBeUndefined()
  // The sender with transaction 101 owns id 5 and still runs: the next claim is 102, and xmin stays at 101.
  expect(marks.note({ ...row, last_id: '7', xid: '102', xmin: '101' }, false)).toBeUndefined()
  expect(marks.note({ ...row, last_id: null, xid: null, xmin: '101' }, false)).toBeUndefined()
  expect(marks.note({ ...row, last_id: null, xid: null, xmin: '103' }, false)).toBe(6)
})

test('a claim of another worker waits for nobody: a lane in use is left out', async () => {
  const worker = await addWorker()
  await sendOne('"1"')
  const session = await db.connectDirect()
  await session.query('begin')
  await session.query('select from holdfast.jobs_lanes where lane = $1 for update', [lane])
  expect(await store.claim(db, worker, [lane], [0], [0], 10)).toEqual([])
  await session.query('rollback')
  await session.end()
  expect((await claimAll(worker)).bodies).toEqual(['"1"'])
})

test('drained slots are truncated, also under an old snapshot; those that hold a job are not', async () => {
  const session = await db.connectDirect()
  await session.query('begin isolation level repeatable read')
  await session.query('select 1')
  await db.query(
    `insert into holdfast.jobs_ready (slot, lane, id, body) select s, $1, s, '1' from generate_series(0, 7) s`,
    [lane],
  )
  await db.query('delete from holdfast.jobs_ready where slot <> 5')
  await store.trim(db)
  const sizes = await db.sql<{ slot: number; bytes: number }>`
    select s as slot, pg_relation_size(('holdfast.jobs_ready_' || s)::regclass)::int as bytes from generate_series(0, 7) s order by s`
  const full = sizes.filter(({ bytes }) => bytes > 0).map(({ slot }) => slot)
  // The slot in use and its neighbours are left alone.
  expect(full).toContain(5)
  expect(full).not.toContain(3)
  await session.query('rollback')
  await session.end()
})
