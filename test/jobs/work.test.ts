import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineJob, type Job, type Jobs, type StandardSchema, type JobDefinition } from '../../src/jobs/index.js'
import { connectTo } from '../../src/core/index.js'
import type { ClaimedJob } from '../../src/jobs/claimed-job.js'
import { Counts } from '../../src/jobs/counts.js'
import { JobQueue } from '../../src/jobs/job-queue.js'
import { pruneCounts } from '../../src/jobs/store.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { defer, quietLogger, withJobs } from '../helpers/jobs.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table effects (job text, n int)')
})
afterAll(async () => await box.close())

interface Numbered {
  n: number
}

/** Nothing may stay behind: rows, claims, keys, workers. */
async function expectEmpty(jobs: Jobs): Promise<void> {
  await eventually(async () => {
    const [row] = await box.db.sql<{ ready: number; claims: number; keys: number; later: number }>`
      select (select count(*)::int from holdfast.jobs_ready) as ready, (select count(*)::int from holdfast.jobs_claims) as claims,
             (select count(*)::int from holdfast.jobs_unique) as keys, (select count(*)::int from holdfast.jobs_later) as later`
    expect(row).toEqual({ ready: 0, claims: 0, keys: 0, later: 0 })
  })
  await jobs.close()
  const workers = await box.db.sql`select id from holdfast.jobs_workers`
  expect(workers).toEqual([])
}

test('runs each job once, with its payload, and leaves nothing behind', async () => {
  const seen: number[] = []
  const job = defineJob<Numbered>('once', { handler: ({ payload }) => void seen.push(payload.n) })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 3_000 }, (_, n) => ({ n })),
    )
    const worker = await jobs.work()
    await eventually(() => expect(seen).toHaveLength(3_000))
    expect(new Set(seen).size).toBe(3_000)
    await worker.stop()
    expect(worker.stats()).toEqual({ running: 0, buffered: 0, succeeded: 3_000, failed: 0, lost: 0 })
    await expectEmpty(jobs)
  })
})

test('a job sent while workers wait starts at once', async () => {
  const started = defer<number>()
  const job = defineJob<Numbered>('prompt', { handler: () => started.resolve(performance.now()) })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.work({ pollMs: 60_000 })
    const sentAt = performance.now()
    await box.db.tx(async (tx) => await jobs.send(tx, job, { n: 1 }))
    expect((await started.promise) - sentAt).toBeLessThan(1_000)
    await expectEmpty(jobs)
  })
})

test('a worker of another process is woken by the notification', async () => {
  const started = defer()
  const job = defineJob<Numbered>('elsewhere', { handler: () => started.resolve() })
  await withJobs(box.db, [job], async (workers) => {
    await workers.work({ pollMs: 60_000 })
    await withJobs(box.db, [job], async (senders) => void (await senders.send(job, { n: 1 })))
    await started.promise
    await expectEmpty(workers)
  })
})

test('polling alone suffices', async () => {
  const started = defer()
  const job = defineJob<Numbered>('polled', { handler: () => started.resolve() })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.work({ pollMs: 50 })
    await box.db.query(`select holdfast.send_job('polled', '{"n": 1}')`)
    await started.promise
    await expectEmpty(jobs)
  })
})

test('a delayed job does not run before its time', async () => {
  const started = defer<number>()
  const job = defineJob<Numbered>('delayed', { handler: () => started.resolve(Date.now()) })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.work()
    const runAt = new Date(Date.now() + 400)
    const { id } = await jobs.send(job, { n: 1 }, { runAt })
    expect(id).not.toBe('')
    expect(await started.promise).toBeGreaterThanOrEqual(runAt.getTime())
    await expectEmpty(jobs)
  })
})

test('a failing job runs again with the same id, a pause and its history, and is dead after its last attempt', async () => {
  const seen: { id: string; attempt: number }[] = []
  const job = defineJob<Numbered>('failing', {
    attempts: 3,
    backoffMs: 20,
    handler: ({ id, attempt }) => {
      seen.push({ id, attempt })
      throw new RangeError(`no luck in attempt ${attempt}`)
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 7 }, { uniqueKey: 'seven' })
    await jobs.work()
    const dead = await eventually(async () => {
      const [first] = await jobs.findDead({ name: 'failing' })
      expect(first).toBeDefined()
      return first
    })
    expect(seen).toEqual([1, 2, 3].map((attempt) => ({ id, attempt })))
    expect(dead).toMatchObject({ id, name: 'failing', attempts: 3, payload: { n: 7 } })
    expect(dead?.errors.map(({ attempt, name, message }) => ({ attempt, name, message }))).toEqual(
      [1, 2, 3].map((attempt) => ({ attempt, name: 'RangeError', message: `no luck in attempt ${attempt}` })),
    )
    await expectEmpty(jobs)
  })
})

test('dead letters are found by their payload and sent again with all attempts', async () => {
  let isBroken = true
  const seen: number[] = []
  const job = defineJob<Numbered>('repaired', {
    attempts: 1,
    handler: ({ payload }) => {
      if (isBroken) throw new Error('broken')
      seen.push(payload.n)
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(job, [{ n: 1 }, { n: 2 }, { n: 3 }])
    await jobs.work()
    await eventually(async () => expect(await jobs.findDead({ name: 'repaired' })).toHaveLength(3))
    isBroken = false
    const found = await jobs.findDead({ contains: { n: 2 } })
    expect(found.map(({ payload }) => payload)).toEqual([{ n: 2 }])
    expect(await jobs.redrive(found.map(({ id }) => id))).toBe(1)
    await eventually(() => expect(seen).toEqual([2]))
    expect(await jobs.redrive({ name: 'repaired' })).toBe(2)
    await eventually(() => expect(seen).toHaveLength(3))
    expect(await jobs.findDead({ name: 'repaired' })).toEqual([])
    await expectEmpty(jobs)
  })
})

test('errors that say they are final, values that are no errors, and payloads that do not fit end at once', async () => {
  const final = defineJob('final', {
    handler: () => {
      throw Object.assign(new Error('never again'), { retryable: false })
    },
  })
  const odd = defineJob('odd', {
    attempts: 1,
    handler: () => {
      throw 'secret of the user' // oxlint-disable-line no-throw-literal -- what users do
    },
  })
  const schema: StandardSchema<Numbered, Numbered> = {
    '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no', path: ['n'] }] }) },
  }
  const strict = defineJob('strict', { schema, handler: () => {} })
  await withJobs(box.db, [final, odd, strict], async (jobs) => {
    await jobs.send(final, {})
    await jobs.send(odd, {})
    await box.db.query(`select holdfast.send_job('strict', '{"n": "text"}')`)
    await jobs.work()
    const dead = await eventually(async () => {
      const found = [
        ...(await jobs.findDead({ name: 'final' })),
        ...(await jobs.findDead({ name: 'odd' })),
        ...(await jobs.findDead({ name: 'strict' })),
      ]
      expect(found).toHaveLength(3)
      return found
    })
    expect(dead.map(({ errors }) => errors.map(({ name }) => name))).toEqual([
      ['Error'],
      ['HF_JOBS_THROWN'],
      ['HF_JOBS_PAYLOAD_INVALID'],
    ])
    expect(JSON.stringify(dead)).not.toContain('secret of the user')
    await expectEmpty(jobs)
  })
})

test('a handler that never ends is given up at its timeout, its signal is aborted, and its slot serves the next', async () => {
  const aborted = defer<unknown>()
  const job = defineJob<Numbered>('endless', {
    attempts: 1,
    timeoutMs: 150,
    handler: async ({ payload, signal }) => {
      if (payload.n > 0) return
      signal.addEventListener('abort', () => aborted.resolve(signal.reason))
      await new Promise(() => {})
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(job, [{ n: 0 }, { n: 1 }])
    const worker = await jobs.work({ concurrency: 1 })
    expect(await aborted.promise).toMatchObject({ code: 'HF_JOBS_TIMEOUT' })
    await eventually(() => expect(worker.stats()).toMatchObject({ succeeded: 1, failed: 1, running: 0 }))
    await expectEmpty(jobs)
  })
})

test('no job starts while its queue is paused; running ones go on', async () => {
  const seen: number[] = []
  const job = defineJob<Numbered>('pausing', { handler: ({ payload }) => void seen.push(payload.n) })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.pause('pausing')
    await jobs.send(job, { n: 1 })
    await jobs.work({ pollMs: 20 })
    await eventually(async () => {
      const state = (await jobs.queues()).find(({ name }) => name === 'pausing')
      expect(state?.isPaused).toBe(true)
      expect(state?.oldestReadyMs).toBeGreaterThan(100)
    })
    expect(seen).toEqual([])
    await jobs.resume('pausing')
    await eventually(() => expect(seen).toEqual([1]))
    await expect(jobs.pause('nobody')).rejects.toMatchObject({ code: 'HF_JOBS_NOT_FOUND' })
    await expectEmpty(jobs)
  })
})

test('high priority goes first, and low is not starved by a stream of it', async () => {
  const order: string[] = []
  const job = defineJob<{ kind: string }>('ranked', { handler: ({ payload }) => void order.push(payload.kind) })
  await withJobs(box.db, [job], async (jobs) => {
    for (const priority of ['low', 'normal', 'high'] as const) await jobs.send(job, { kind: priority }, { priority })
    const first = await jobs.work({ concurrency: 1 })
    await eventually(() => expect(order).toHaveLength(3))
    expect(order).toEqual(['high', 'normal', 'low'])
    await first.stop()
    await jobs.send(job, { kind: 'starving' }, { priority: 'low' })
    const stream = Array.from(
      { length: 20_000 },
      async () => await jobs.send(job, { kind: 'flood' }, { priority: 'high' }),
    )
    await Promise.all(stream)
    await jobs.work({ concurrency: 1 })
    await eventually(() => expect(order).toHaveLength(3 + 20_001), { withinMs: 15_000 })
    expect(order.indexOf('starving')).toBeLessThan(order.length - 1)
    await expectEmpty(jobs)
  })
})

test('a batch handler gets many jobs; when it throws, each of them has failed', async () => {
  const sizes: number[] = []
  const job = defineJob<Numbered>('batched', {
    mode: 'batch',
    batchSize: 50,
    attempts: 1,
    handler: async (batch: readonly Job<Numbered>[]) => {
      sizes.push(batch.length)
      if (batch.some(({ payload }) => payload.n < 0)) throw new Error('one is negative')
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 100 }, (_, n) => ({ n })),
    )
    const worker = await jobs.work({ concurrency: 1 })
    await eventually(() => expect(worker.stats().succeeded).toBe(100))
    expect(Math.max(...sizes)).toBe(50)
    await jobs.sendMany(job, [{ n: -1 }, { n: 5 }])
    await eventually(async () => expect(await jobs.findDead({ name: 'batched' })).toHaveLength(2))
    await expectEmpty(jobs)
  })
})

test('in transaction mode what the handler wrote and its completion are one commit', async () => {
  const job = defineJob<Numbered>('effect', {
    mode: 'transaction',
    attempts: 2,
    backoffMs: 10,
    handler: async ({ tx, payload, attempt }) => {
      await tx.sql`insert into effects values ('effect', ${payload.n})`
      if (payload.n % 3 === 0 && attempt === 1) throw new Error('after the insert')
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 60 }, (_, n) => ({ n })),
    )
    const worker = await jobs.work({ concurrency: 4 })
    await eventually(() => expect(worker.stats()).toMatchObject({ succeeded: 60, failed: 20 }))
    const rows = await box.db.sql<{ n: number }>`select n from effects where job = 'effect' order by n`
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 60 }, (_, n) => n))
    await expectEmpty(jobs)
  })
})

test('jobs that share a commit fail alone', async () => {
  const job = defineJob<Numbered>('shared', {
    mode: 'transaction',
    sharedCommits: 20,
    attempts: 1,
    handler: async ({ tx, payload }) => {
      await tx.sql`insert into effects values ('shared', ${payload.n})`
      if (payload.n === 13) await tx.sql`select 1 / 0`
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 40 }, (_, n) => ({ n })),
    )
    const worker = await jobs.work({ concurrency: 1 })
    await eventually(() => expect(worker.stats()).toMatchObject({ succeeded: 39, failed: 1 }))
    const rows = await box.db.sql<{ n: number }>`select n from effects where job = 'shared' order by n`
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, n) => n).filter((n) => n !== 13))
    // It is counted when it has failed, and dead when that has been written.
    await eventually(async () => {
      const [dead] = await jobs.findDead({ name: 'shared' })
      expect(dead?.payload).toEqual({ n: 13 })
    })
    await expectEmpty(jobs)
  })
})

test('stop() hands unstarted jobs back at once, and running ones after the grace, all to be run elsewhere', async () => {
  const first = defer()
  const seen = new Map<number, number>()
  const job = defineJob<Numbered>('handed-back', {
    handler: async ({ payload, signal }) => {
      if (payload.n === 0 && !seen.has(0)) {
        seen.set(0, 0)
        first.resolve()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw signal.reason
      }
      seen.set(payload.n, (seen.get(payload.n) ?? 0) + 1)
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 50 }, (_, n) => ({ n })),
    )
    const stopping = await jobs.work({ concurrency: 1, graceMs: 50 })
    await first.promise
    await stopping.stop()
    const { rows } = await box.db.query(
      'select attempt, count(*)::int as amount from holdfast.jobs_ready group by attempt',
    )
    expect(rows).toEqual([{ attempt: 1, amount: 50 }])
    await jobs.work()
    await eventually(() => expect([...seen.values()].reduce((sum, each) => sum + each, 0)).toBe(50))
    await expectEmpty(jobs)
  })
})

test('a signal that is aborted while the worker starts stops it too', async () => {
  const job = defineJob<Numbered>('aborted-early', { handler: () => {} })
  await withJobs(box.db, [job], async (jobs) => {
    const controller = new AbortController()
    const starting = jobs.work({ signal: controller.signal })
    controller.abort()
    await (
      await starting
    ).stopped
  })
})

test('close() waits for all that its workers do beside their jobs', async () => {
  const job = defineJob<Numbered>('closed', { handler: () => {} })
  await withJobs(box.db, [job], async (jobs) => {
    const worker = await jobs.work()
    let hasStopped = false
    void worker.stopped.then(() => (hasStopped = true))
    await jobs.close()
    expect(hasStopped).toBe(true)
  })
})

test('aborting the signal stops a worker', async () => {
  const controller = new AbortController()
  const job = defineJob<Numbered>('stoppable', { handler: () => {} })
  await withJobs(box.db, [job], async (jobs) => {
    const worker = await jobs.work({ signal: controller.signal })
    controller.abort()
    await worker.stopped
    await expectEmpty(jobs)
  })
})

test('a worker that cannot get a connection for a while loses nothing', async () => {
  const db = await connectTo({
    url: box.url,
    directUrl: box.url,
    pool: { max: 2 },
    acquireMs: 400,
    heartbeatMs: 600_000,
    logger: quietLogger,
  })
  const [started, gate] = [defer(), defer()]
  let running = 0
  const job = defineJob<Numbered>('crowded', {
    mode: 'transaction',
    handler: async ({ tx, payload }) => {
      await tx.sql`insert into effects values ('crowded', ${payload.n})`
      if (++running === 2) started.resolve()
      await gate.promise
    },
  })
  const quick = defineJob<Numbered>('quick', { handler: async () => await gate.promise })
  try {
    await withJobs(db, [job, quick], async (jobs) => {
      await jobs.send(quick, { n: 0 })
      const worker = await jobs.work({ concurrency: 3, pollMs: 20 })
      await eventually(() => expect(worker.stats().running).toBe(1))
      await jobs.sendMany(job, [{ n: 1 }, { n: 2 }])
      await started.promise
      // Both connections are held: claims, completions and upkeep run into the pool's deadline several times.
      await eventually(() => expect(db.stats().pool.timeouts).toBeGreaterThan(3))
      gate.resolve()
      await eventually(() => expect(worker.stats()).toMatchObject({ succeeded: 3, failed: 0, lost: 0 }))
      await expectEmpty(jobs)
    })
  } finally {
    await db.close()
  }
  const rows = await box.db.sql<{ n: number }>`select n from effects where job = 'crowded' order by n`
  expect(rows.map(({ n }) => n)).toEqual([1, 2])
})

test.each([
  ['transaction', 180],
  ['batch', 300],
] as const)('groups of mode %s run as many at once as was asked for', async (mode, running) => {
  const gate = defer()
  const handler = async () => await gate.promise
  const job: JobDefinition<Numbered> =
    mode === 'batch'
      ? defineJob('grouped-batch', { mode, batchSize: 100, handler })
      : defineJob('grouped-tx', { mode, sharedCommits: 60, handler })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 400 }, (_, n) => ({ n })),
    )
    const worker = await jobs.work({ concurrency: 3 })
    await eventually(() => expect(worker.stats().running).toBeGreaterThanOrEqual(running))
    gate.resolve()
    await eventually(() => expect(worker.stats().succeeded).toBe(400))
    await expectEmpty(jobs)
  })
})

test('suspects of a crash are in no group', () => {
  const queue = new JobQueue()
  const make = (id: number, crashes: number): ClaimedJob => ({
    lane: 1,
    cid: 1,
    id,
    place: id,
    origin: null,
    attempt: 1,
    crashes,
    sentAt: '0',
    frees: false,
    body: '{}',
  })
  queue.push([make(1, 0), make(2, 0), make(3, 1), make(4, 0), make(5, 2), make(6, 0)])
  const groups = Array.from({ length: 5 }, () => queue.shiftGroup(10).map(({ id }) => id))
  expect(groups).toEqual([[1, 2], [3], [4], [5], [6]])
})

test('counters that could not be written are written later, and those of more than a week ago are deleted', async () => {
  const counts = new Counts(box.db)
  const lane = 4_000
  await runAdmin(box.ownerUrl, 'alter table holdfast.jobs_counts rename to jobs_counts_away')
  counts.add(lane, 'sent', 3)
  await expect(counts.flush()).rejects.toThrow('jobs_counts')
  await runAdmin(box.ownerUrl, 'alter table holdfast.jobs_counts_away rename to jobs_counts')
  counts.add(lane, 'sent', 4)
  await counts.close()
  await box.db
    .sql`insert into holdfast.jobs_counts (queue, minute, sent) values (${lane >> 2}, now() - interval '8 days', 1)`
  await pruneCounts(box.db)
  expect(await box.db.sql`select sent from holdfast.jobs_counts where queue = ${lane >> 2}`).toEqual([{ sent: '7' }])
})
