import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { defineJob, type Job, type TransactionJob } from '../../src/jobs/index.js'
import { jobIdOf, parseClaim, type ClaimedJob } from '../../src/jobs/claimed-job.js'
import { RunNotes } from '../../src/jobs/progress.js'
import { sweepProgress } from '../../src/jobs/progress-store.js'
import * as store from '../../src/jobs/store.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { defer, runToEnd, withJobs } from '../helpers/jobs.js'

interface Numbered {
  n: number
}

const HOUR = 3_600_000
let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table effects (job text, n int)')
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const table of ['ready', 'later', 'claims', 'workers', 'dead', 'results', 'progress', 'cancels'])
    await box.db.query(`delete from holdfast.jobs_${table}`)
  await box.db.query('truncate effects')
})
afterAll(async () => await box.close())

const lapse = async (worker: string) =>
  await box.db.query(`update holdfast.jobs_workers set seen_at = now() - interval '1 hour' where id = $1`, [worker])
const lost = { code: 'HF_JOBS_LOST' }
const countEffects = async () => (await box.db.query('select from effects')).rowCount

/** A worker that has claimed the only job of the lane, as the real functions do it. */
async function claimOne(lane: number): Promise<{ worker: string; claimed: ClaimedJob; notes: RunNotes }> {
  const worker = await store.addWorker(box.db, 'test', 60_000)
  const [row] = await store.claim(box.db, worker, [lane], [0], [0], 1)
  const [claimed] = parseClaim(row as store.ClaimRow)
  const parts = { db: box.db, worker, outside: <T>(body: () => T) => body(), onAsked: () => {} }
  return {
    worker,
    claimed: claimed as ClaimedJob,
    notes: new RunNotes(parts, claimed as ClaimedJob, { name: 'notes', maxBytes: 1_000 }),
  }
}

async function sendOne(): Promise<number> {
  const lane = (await store.registerQueue(box.db, 'notes', 10, 1_000)) * 4 + 1
  await store.sendPlain(box.db, lane, '{"n":1}')
  return lane
}

test('a run that was taken over saves nothing, and its work is rolled back with it', async () => {
  const lane = await sendOne()
  const old = await claimOne(lane)
  await old.notes.checkpoint.save({ next: 1 })
  await lapse(old.worker)
  await store.reapWorkers(box.db, '0')
  await expect(old.notes.checkpoint.save({ next: 2 })).rejects.toMatchObject(lost)
  await expect(old.notes.checkpoint.load()).rejects.toMatchObject(lost)
  const work = box.db.tx(async (tx) => {
    await tx.sql`insert into effects values ('zombie', 1)`
    await old.notes.checkpoint.save({ next: 2 }, { tx })
  })
  await expect(work).rejects.toMatchObject(lost)
  expect(await countEffects()).toBe(0)

  const fresh = await claimOne(lane)
  expect(jobIdOf(fresh.claimed)).toBe(jobIdOf(old.claimed))
  expect(await fresh.notes.checkpoint.load()).toEqual({ next: 1 })
  await fresh.notes.checkpoint.save({ next: 2 })
  // Seen to matter: the same write without the fence goes through in the dead run's name.
  const naive = await box.db.query('update holdfast.jobs_progress set checkpoint = $2 where job_id = $1', [
    jobIdOf(old.claimed),
    '{"next": 9}',
  ])
  expect(naive.rowCount).toBe(1)
})

test('a run whose attempt counts as failed saves nothing, though its claim is still open', async () => {
  const lane = await sendOne()
  await store.sendPlain(box.db, lane, '{"n":2}')
  const { worker, claimed, notes } = await claimOne(lane)
  const failure = { id: claimed.id, cid: claimed.cid, runAt: new Date(Date.now() + HOUR), error: {} }
  expect(await store.fail(box.db, worker, lane, [failure])).toBe(1)
  expect((await box.db.query('select from holdfast.jobs_claims')).rowCount).toBe(1)
  await expect(notes.checkpoint.save({ next: 1 })).rejects.toMatchObject(lost)
})

test('the next run waits for a transaction in which the last one saved, and sees its work and its checkpoint', async () => {
  const lane = await sendOne()
  const old = await claimOne(lane)
  const [saved, mayCommit] = [defer(), defer()]
  const committing = box.db.tx(async (tx) => {
    await tx.sql`insert into effects values ('late', 1)`
    await old.notes.checkpoint.save({ next: 1 }, { tx })
    saved.resolve()
    await mayCommit.promise
  })
  await saved.promise
  await lapse(old.worker)
  await store.reapWorkers(box.db, '0')
  const fresh = await claimOne(lane)
  let isLoaded = false
  const loading = fresh.notes.checkpoint.load().finally(() => (isLoaded = true))
  // It waits for a lock: the database says so.
  await eventually(async () => {
    const waits = await runAdmin(
      box.ownerUrl,
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%jobs.note%'`,
    )
    expect(waits).toHaveLength(1)
  })
  expect(isLoaded).toBe(false)
  mayCommit.resolve()
  await committing
  expect(await loading).toEqual({ next: 1 })
  // From now on the row is the new run's: an older one that had not been noticed yet would be refused.
  expect(await box.db.sql`select run from holdfast.jobs_progress`).toEqual([{ run: String(fresh.claimed.id) }])
})

test('an older run is refused once a newer one has loaded, even if its claim were still there', async () => {
  const lane = await sendOne()
  const old = await claimOne(lane)
  await old.notes.checkpoint.save({ next: 1 })
  await box.db.query('update holdfast.jobs_progress set run = run + 1')
  await expect(old.notes.checkpoint.save({ next: 2 })).rejects.toMatchObject(lost)
})

test('progress is written at most twice a second, and the last of it always', async () => {
  const job = defineJob<Numbered>('chatty', {
    keepMs: HOUR,
    handler: async ({ progress }) => {
      for (let done = 1; done <= 1_000; done++) progress(done, 1_000, `row ${done}`)
      progress(Number.NaN)
      await Promise.resolve()
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    const spy = vi.spyOn(box.db, 'query')
    expect(await runToEnd(jobs, id)).toMatchObject({ progress: { done: 1_000, total: 1_000, note: 'row 1000' } })
    expect(spy.mock.calls.filter(([text]) => text.includes('holdfast:jobs.note'))).toHaveLength(2)
    expect((await box.db.query('select from holdfast.jobs_progress')).rowCount).toBe(0)
  })
})

test('what is reported between two writes is written by itself', async () => {
  const gate = defer()
  const job = defineJob<Numbered>('steady', {
    handler: async ({ progress }) => {
      progress(1, 3)
      progress(2, 3)
      await gate.promise
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    const worker = await jobs.work()
    await eventually(async () => expect((await jobs.status(id))?.progress).toEqual({ done: 2, total: 3, note: null }))
    gate.resolve()
    await eventually(() => expect(worker.stats().succeeded).toBe(1))
    await eventually(async () => expect((await box.db.query('select from holdfast.jobs_progress')).rowCount).toBe(0))
    expect(await jobs.status(id)).toBeUndefined()
  })
})

test('progress that cannot be written fails no job', async () => {
  const job = defineJob<Numbered>('unheard', { keepMs: HOUR, handler: ({ progress }) => progress(1, 2) })
  await runAdmin(box.ownerUrl, `revoke insert on holdfast.jobs_progress from ${box.role}`)
  try {
    await withJobs(box.db, [job], async (jobs) => {
      const { id } = await jobs.send(job, { n: 1 })
      expect(await runToEnd(jobs, id)).toMatchObject({ outcome: 'succeeded', progress: null })
    })
  } finally {
    await runAdmin(box.ownerUrl, `grant insert on holdfast.jobs_progress to ${box.role}`)
  }
})

test('in a job’s own transaction its last progress commits with it, and checkpoints may stand alone', async () => {
  const seen: unknown[] = []
  const job = defineJob<Numbered>('own', {
    mode: 'transaction',
    keepMs: HOUR,
    backoffMs: 5,
    handler: async ({ tx, checkpoint, progress, attempt }: TransactionJob<Numbered>) => {
      seen.push(await checkpoint.load())
      await checkpoint.save({ attempt })
      await tx.sql`insert into effects values ('own', ${attempt})`
      if (attempt === 1) throw new Error('once')
      for (let done = 1; done <= 5; done++) progress(done, 5)
      return 'well'
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    expect(await runToEnd(jobs, id)).toMatchObject({ result: 'well', progress: { done: 5, total: 5 }, attempts: 2 })
    // The checkpoint outlived the transaction that was rolled back.
    expect(seen).toEqual([undefined, { attempt: 1 }])
    expect(await box.db.sql`select n from effects`).toEqual([{ n: 2 }])
  })
})

test('a checkpoint is JSON, and no larger than allowed', async () => {
  const lane = await sendOne()
  const { notes } = await claimOne(lane)
  await expect(notes.checkpoint.save('x'.repeat(2_000))).rejects.toMatchObject({ code: 'HF_JOBS_RESULT_TOO_LARGE' })
  await expect(notes.checkpoint.save(1n)).rejects.toMatchObject({ code: 'HF_JOBS_RESULT_INVALID' })
  await notes.checkpoint.save(null)
  expect(await notes.checkpoint.load()).toBeUndefined()
})

test('a dead letter that is redriven goes on from its checkpoint', async () => {
  const from: unknown[] = []
  const job = defineJob<Numbered>('resumed', {
    keepMs: HOUR,
    attempts: 1,
    handler: async ({ checkpoint }: Job<Numbered>) => {
      from.push(await checkpoint.load())
      await checkpoint.save({ next: from.length })
      if (from.length === 1) throw new Error('once')
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    const worker = await jobs.work({ pollMs: 50 })
    await eventually(async () => expect(await jobs.findDead()).toHaveLength(1))
    await jobs.redrive([id])
    await eventually(async () => expect((await jobs.result(id))?.outcome).toBe('succeeded'))
    await worker.stop()
    expect(from).toEqual([undefined, { next: 1 }])
  })
})

test('notes of jobs that are nowhere any more are swept, those of others stay, and long lists are walked', async () => {
  const lane = await sendOne()
  const { notes, claimed } = await claimOne(lane)
  await notes.checkpoint.save({ next: 1 })
  await box.db.query(
    `insert into holdfast.jobs_progress (job_id, run) select 1000000 + n, 1 from generate_series(1, 5) n`,
  )
  expect(await sweepProgress(box.db, '-infinity', 2)).toBeNull()
  await box.db.query(
    `update holdfast.jobs_progress set at = now() - interval '1 hour' + job_id * interval '1 microsecond'`,
  )
  let from = '-infinity'
  for (let round = 0; round < 3; round++) from = (await sweepProgress(box.db, from, 2)) ?? '-infinity'
  expect(await box.db.sql`select job_id from holdfast.jobs_progress`).toEqual([{ job_id: jobIdOf(claimed) }])
})

/** Begins a job that ends only when it is told to. */
const makeEndless = (name: string, options: object = {}) => {
  const reasons: unknown[] = []
  const job = defineJob<Numbered>(name, {
    keepMs: HOUR,
    ...options,
    handler: async ({ signal }) =>
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason)
          reject(signal.reason as Error)
        })
      }),
  })
  return { job, reasons }
}

test('a running job that is cancelled from another process ends, without another attempt', async () => {
  const { job, reasons } = makeEndless('endless')
  await withJobs(box.db, [job], async (workers) => {
    await withJobs(box.db, [job], async (others) => {
      const { id } = await others.send(job, { n: 1 }, { uniqueKey: 'one' })
      const worker = await workers.work()
      await eventually(async () => expect((await others.status(id))?.state).toBe('running'))
      expect(await others.cancel(id)).toBe('asked')
      await eventually(async () =>
        expect(await others.status(id)).toMatchObject({ state: 'cancelled', attempt: 1, error: null }),
      )
      expect(reasons).toMatchObject([{ code: 'HF_JOBS_CANCELLED' }])
      expect(worker.stats()).toMatchObject({ failed: 0, succeeded: 0, running: 0 })
      expect((await others.send(job, { n: 2 }, { uniqueKey: 'one', delayMs: HOUR })).isNew).toBe(true)
      expect((await box.db.query('select from holdfast.jobs_cancels')).rowCount).toBe(0)
    })
  })
})

test('without a notification the worker finds out by looking', async () => {
  const { job } = makeEndless('unnotified')
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    await jobs.work()
    await eventually(async () => expect((await jobs.status(id))?.state).toBe('running'))
    // As cancel() does it, and no word to anybody.
    expect(await box.db.sql`select holdfast.jobs_stop(${id}) as answer`).toEqual([{ answer: 'asked' }])
    await eventually(async () => expect((await jobs.status(id))?.state).toBe('cancelled'))
  })
})

test('a job that is claimed and has not begun is taken out of its worker’s hands', async () => {
  const gate = defer()
  const started: number[] = []
  const job = defineJob<Numbered>('buffered', {
    keepMs: HOUR,
    handler: async ({ payload }) => {
      started.push(payload.n)
      await gate.promise
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const ids = await jobs.sendMany(job, [{ n: 1 }, { n: 2 }, { n: 3 }])
    const worker = await jobs.work({ concurrency: 1 })
    await eventually(() => expect(worker.stats()).toMatchObject({ running: 1, buffered: 1 }))
    expect(await jobs.cancel(ids[1] as string)).toBe('asked')
    await eventually(async () => expect((await jobs.status(ids[1] as string))?.state).toBe('cancelled'))
    gate.resolve()
    await eventually(async () => expect((await jobs.status(ids[2] as string))?.state).toBe('succeeded'))
    expect(started).toEqual([1, 3])
  })
})

test('a handler that ends well all the same has succeeded; one that never ends is over when its time is', async () => {
  const gate = defer()
  const deaf = defineJob<Numbered>('deaf', { keepMs: HOUR, handler: async () => await gate.promise.then(() => 'done') })
  const stuck = defineJob<Numbered>('stuck', {
    keepMs: HOUR,
    timeoutMs: 1_500,
    handler: async () => await new Promise(() => {}),
  })
  await withJobs(box.db, [deaf, stuck], async (jobs) => {
    const [a, b] = [await jobs.send(deaf, { n: 1 }), await jobs.send(stuck, { n: 1 })]
    await jobs.work()
    for (const { id } of [a, b]) {
      await eventually(async () => expect((await jobs.status(id))?.state).toBe('running'))
      expect(await jobs.cancel(id)).toBe('asked')
    }
    expect(await jobs.status(a.id)).toMatchObject({ state: 'running', isCancelling: true })
    gate.resolve()
    await eventually(async () => expect(await jobs.status(a.id)).toMatchObject({ state: 'succeeded', result: 'done' }))
    await eventually(async () => expect((await jobs.status(b.id))?.state).toBe('cancelled'))
  })
})

test('in its own transaction a cancelled job leaves nothing behind', async () => {
  const began = defer()
  const job = defineJob<Numbered>('own-cancelled', {
    mode: 'transaction',
    keepMs: HOUR,
    handler: async ({ tx, signal }: TransactionJob<Numbered>) => {
      await tx.sql`insert into effects values ('own-cancelled', 1)`
      began.resolve()
      // Ends well, and too late.
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    await jobs.work()
    await began.promise
    expect(await jobs.cancel(id)).toBe('asked')
    await eventually(async () => expect((await jobs.status(id))?.state).toBe('cancelled'))
    expect(await countEffects()).toBe(0)
  })
})

test('a job that fails before it hears that it is to end is not tried again', async () => {
  const gate = defer()
  const job = defineJob<Numbered>('failing', {
    keepMs: HOUR,
    backoffMs: 60_000,
    mode: 'batch',
    handler: async () => {
      await gate.promise
      throw new Error('no')
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    await jobs.work()
    await eventually(async () => expect((await jobs.status(id))?.state).toBe('running'))
    expect(await jobs.cancel(id)).toBe('asked')
    gate.resolve()
    await eventually(async () =>
      expect(await jobs.status(id)).toMatchObject({ state: 'cancelled', attempt: 1, error: { message: 'no' } }),
    )
    expect((await box.db.query('select from holdfast.jobs_later')).rowCount).toBe(0)
  })
})

test('what is watched: changes only, until the end; an unknown job; a signal; a deadline', async () => {
  const gate = defer()
  const job = defineJob<Numbered>('watched', {
    keepMs: HOUR,
    backoffMs: 20,
    attempts: 2,
    handler: async ({ attempt }) => {
      await gate.promise
      if (attempt === 1) throw new RangeError('once')
      return 'two'
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    const states: string[] = []
    const watching = (async () => {
      for await (const { state } of jobs.watch(id, { pollMs: 50 })) states.push(state)
    })()
    await eventually(() => expect(states).toEqual(['waiting']))
    await jobs.work()
    await eventually(() => expect(states.at(-1)).toBe('running'))
    gate.resolve()
    await watching
    expect(states.at(-1)).toBe('succeeded')
    expect(new Set(states).size).toBeGreaterThanOrEqual(3)

    for await (const status of jobs.watch('999999999')) expect(status).toBeUndefined()
    const waits = await jobs.send(job, { n: 2 }, { delayMs: HOUR })
    const ending = new AbortController()
    const watched = jobs.watch(waits.id, { signal: ending.signal, pollMs: 600_000 })
    expect((await watched.next()).value).toMatchObject({ state: 'waiting' })
    const next = watched.next()
    ending.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    const late = jobs.watch(waits.id, { deadlineMs: 30 })
    await late.next()
    await expect(late.next()).rejects.toMatchObject({ code: 'HF_JOBS_WATCH_DEADLINE', retryable: true })
    expect(() => jobs.watch(waits.id, { polMs: 1 } as never)).toThrow('pollMs')
  })
})
