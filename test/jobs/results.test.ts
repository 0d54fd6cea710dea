import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { defineJob, type Job, type JobDefinition, type TransactionJob } from '../../src/jobs/index.js'
import { conclude, forgetExpired } from '../../src/jobs/results-store.js'
import { parseClaim } from '../../src/jobs/claimed-job.js'
import { addWorker, claim, reapWorkers, RECORD, registerQueue, sendPlain } from '../../src/jobs/store.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { runToEnd, withJobs } from '../helpers/jobs.js'

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
  for (const table of ['jobs_ready', 'jobs_later', 'jobs_dead', 'jobs_unique', 'jobs_results', 'jobs_progress'])
    await box.db.query(`delete from holdfast.${table}`)
})
afterAll(async () => await box.close())

const countResults = async () => (await box.db.query('select from holdfast.jobs_results')).rowCount

test('a run that succeeded is kept with its result, until it expires', async () => {
  const job = defineJob<Numbered>('kept', {
    keepMs: HOUR,
    handler: async ({ payload }) => await Promise.resolve({ twice: payload.n * 2 }),
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 21 }, { uniqueKey: 'u', key: 'k' })
    const kept = await runToEnd(jobs, id)
    expect(kept).toMatchObject({ id, name: 'kept', outcome: 'succeeded', attempts: 1, result: { twice: 42 } })
    expect(kept).toMatchObject({ payload: { n: 21 }, key: 'k', uniqueKey: 'u', errors: [], progress: null })
    expect((kept?.expiresAt.getTime() ?? 0) - (kept?.finishedAt.getTime() ?? 0)).toBe(HOUR)
    expect(await jobs.status(id)).toMatchObject({ state: 'succeeded', attempt: 1, result: { twice: 42 }, error: null })

    expect(await forgetExpired(box.db, 10)).toBe(0)
    await box.db.query('update holdfast.jobs_results set expires_at = now()')
    expect(await forgetExpired(box.db, 10)).toBe(1)
    expect(await jobs.result(id)).toBeUndefined()
    expect(await jobs.status(id)).toBeUndefined()
  })
})

test('upkeep deletes what has expired, so many at a time', async () => {
  await withJobs(box.db, [], async (jobs) => {
    await box.db.query(`
      insert into holdfast.jobs_results (id, queue, priority, outcome, attempts, sent_at, expires_at, body)
      select n, 1, 1, 'succeeded', 1, now(), now() + (case when n > 2500 then interval '1 hour' else interval '0' end), '{}'
        from generate_series(1, 2510) n`)
    const spy = vi.spyOn(box.db, 'query')
    await jobs.tick()
    const forgot = spy.mock.calls.filter(([text]) => text.includes('holdfast:jobs.forget'))
    expect(forgot).toHaveLength(3)
    expect(await countResults()).toBe(10)
  })
})

test('with nothing kept, what a handler returns is not even looked at', async () => {
  const done: number[] = []
  const job = defineJob<Numbered>('plain', {
    handler: ({ payload }) => {
      done.push(payload.n)
      return 1n
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    const spy = vi.spyOn(box.db, 'query')
    const worker = await jobs.work()
    await eventually(() => expect(worker.stats().succeeded).toBe(1))
    await worker.stop()
    const names = spy.mock.calls.map(([text]) => /holdfast:jobs\.([a-z-]+)/.exec(text)?.[1])
    expect(names.filter((name) => name === 'complete')).toHaveLength(1)
    for (const name of ['conclude', 'note', 'tell']) expect(names).not.toContain(name)
    expect(await jobs.result(id)).toBeUndefined()
    expect(await countResults()).toBe(0)
  })
})

test('runs that are kept cost one statement for all that end meanwhile, and a hint', async () => {
  const job = defineJob<Numbered>('counted', { keepMs: HOUR, handler: ({ payload }) => payload.n })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 100 }, (_, n) => ({ n })),
    )
    const spy = vi.spyOn(box.db, 'query')
    const worker = await jobs.work({ concurrency: 100 })
    await eventually(async () => expect(await countResults()).toBe(100))
    await worker.stop()
    const names = spy.mock.calls.map(([text]) => /holdfast:jobs\.([a-z-]+)/.exec(text)?.[1])
    // One; more only where the machine was so slow that the jobs did not end together.
    expect(names.filter((name) => name === 'conclude').length).toBeLessThan(10)
    expect(names).not.toContain('complete')
    expect(names).not.toContain('note')
  })
})

test('in its own transaction the result and the work are one commit', async () => {
  const job = defineJob<Numbered>('together', {
    mode: 'transaction',
    keepMs: HOUR,
    backoffMs: 5,
    handler: async ({ tx, payload, attempt }: TransactionJob<Numbered>) => {
      await tx.sql`insert into effects values ('together', ${payload.n})`
      if (attempt === 1) throw new Error('once')
      return { attempt }
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 5 })
    const kept = await runToEnd(jobs, id)
    expect(kept).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
      result: { attempt: 2 },
      errors: [{ attempt: 1, message: 'once' }],
    })
    const [row] = await box.db.sql`
      select e.xmin = k.xmin as is_one from effects e, holdfast.jobs_results k where e.job = 'together' and k.id = ${id}`
    expect(row).toEqual({ is_one: true })
  })
})

test('a batch keeps the results of its jobs in order, and nothing when it returns something else', async () => {
  const job = defineJob('batched', {
    mode: 'batch',
    keepMs: HOUR,
    handler: (batch: readonly Job<Numbered>[]) => batch.map(({ payload }) => payload.n * 10),
  })
  const other = defineJob('batched-otherwise', { mode: 'batch', keepMs: HOUR, handler: () => 'all fine' })
  await withJobs(box.db, [job, other as JobDefinition<never>], async (jobs) => {
    const ids = await jobs.sendMany(job, [{ n: 1 }, { n: 2 }, { n: 3 }])
    const { id } = await jobs.send(other, {})
    await runToEnd(jobs, id)
    await jobs.work()
    await eventually(async () => expect(await countResults()).toBe(4))
    const results = await Promise.all(ids.map(async (each) => (await jobs.result(each))?.result))
    expect(results).toEqual([10, 20, 30])
    expect((await jobs.result(id))?.result).toBeNull()
  })
})

test.each([
  ['too large', 'x'.repeat(200), 'HF_JOBS_RESULT_TOO_LARGE'],
  ['no JSON', 1n, 'HF_JOBS_RESULT_INVALID'],
  ['nothing that jsonb holds', { text: 'a\u0000b' }, 'HF_JOBS_RESULT_INVALID'],
  ['half a character', ['\ud800'], 'HF_JOBS_RESULT_INVALID'],
])('a result that is %s: the job is dead at once, and tells why', async (_, result, code) => {
  let runs = 0
  const job = defineJob<Numbered>('odd', {
    keepMs: HOUR,
    maxBytes: 100,
    handler: () => {
      runs++
      return result
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    expect(await runToEnd(jobs, id)).toMatchObject({ outcome: 'dead', attempts: 1, result: null })
    expect(runs).toBe(1)
    expect(await jobs.status(id)).toMatchObject({ state: 'dead', error: { name: code } })
  })
})

test('text that looks like a forbidden character, and is none, is kept', async () => {
  const job = defineJob<Numbered>('harmless', { keepMs: HOUR, handler: () => 'write \\u0000 and 😀' })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    expect((await runToEnd(jobs, id))?.result).toBe('write \\u0000 and 😀')
  })
})

test('what dies is kept beside its dead letter; redriven and well, it is kept as that', async () => {
  let isDown = true
  const job = defineJob<Numbered>('dying', {
    keepMs: HOUR,
    attempts: 2,
    backoffMs: 5,
    handler: () => {
      if (isDown) throw new RangeError('down')
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 })
    expect(await runToEnd(jobs, id)).toMatchObject({ outcome: 'dead', attempts: 2, errors: [{}, { message: 'down' }] })
    isDown = false
    expect(await jobs.redrive([id])).toBe(1)
    expect(await jobs.status(id)).toMatchObject({ state: 'waiting' })
    const worker = await jobs.work()
    await eventually(async () => expect(await jobs.result(id)).toMatchObject({ outcome: 'succeeded', attempts: 1 }))
    await worker.stop()
    expect(await jobs.findDead()).toEqual([])
  })
})

test('a definition that keeps nothing any more, keeps nothing any more', async () => {
  const [keeps, drops] = [{ keepMs: HOUR }, {}].map((options) =>
    defineJob<Numbered>('changed', { ...options, handler: () => 1 }),
  )
  await withJobs(box.db, [keeps as JobDefinition<Numbered>], async () => {})
  expect(
    (
      await box.db.query(
        'select from holdfast.jobs_keeps k join holdfast.jobs_queues q on q.id = k.queue where q.name = $1',
        ['changed'],
      )
    ).rowCount,
  ).toBe(1)
  await withJobs(box.db, [drops as JobDefinition<Numbered>], async () => {})
  expect(
    (
      await box.db.query(
        'select from holdfast.jobs_keeps k join holdfast.jobs_queues q on q.id = k.queue where q.name = $1',
        ['changed'],
      )
    ).rowCount,
  ).toBe(0)
})

test('a worker whose jobs were handed on keeps nothing of them', async () => {
  const job = defineJob<Numbered>('fenced', { keepMs: HOUR, handler: () => {} })
  await withJobs(box.db, [job], async () => {})
  const lane = (await registerQueue(box.db, 'fenced', 10, 1_000)) * 4 + 1
  await sendPlain(box.db, lane, ['{"n":1}', '{"n":2}'].join(RECORD))
  const [zombie, other] = [await addWorker(box.db, 'test', 60_000), await addWorker(box.db, 'test', 60_000)]
  const [row] = await claim(box.db, zombie, [lane], [0], [0], 10)
  const ids = row ? parseClaim(row).map(({ id }) => id) : []
  const [first, second] = ids.map((id) => ({
    id,
    cid: Number(row?.cid),
    outcome: 'succeeded' as const,
    result: '"mine"',
  }))
  expect(await conclude(box.db, zombie, lane, [first as never], [])).toBe(1)
  expect(await countResults()).toBe(1)
  await box.db.query(`update holdfast.jobs_workers set seen_at = now() - interval '1 hour' where id = $1`, [zombie])
  expect(await reapWorkers(box.db, other)).toBe(1)
  expect(await conclude(box.db, zombie, lane, [second as never], [])).toBe(0)
  expect(await countResults()).toBe(1)
  await box.db.query('delete from holdfast.jobs_workers')
})

test('runs that succeeded wrongly are sent anew, once, with their history, at a rate', async () => {
  let factor = 1
  const job = defineJob<Numbered>('wrong', { keepMs: HOUR, handler: ({ payload }) => payload.n * factor })
  await withJobs(box.db, [job], async (jobs) => {
    const ids = await jobs.sendMany(job, [{ n: 1 }, { n: 2 }, { n: 3 }])
    const unique = await jobs.send(job, { n: 4 }, { uniqueKey: 'four' })
    const worker = await jobs.work({ pollMs: 20 })
    await eventually(async () => expect(await countResults()).toBe(4))
    await jobs.pause('wrong')
    factor = 100
    expect((await jobs.findSucceeded({ name: 'wrong', contains: { n: 2 } })).map(({ id }) => id)).toEqual([ids[1]])
    expect(await jobs.redrive({ from: 'succeeded', name: 'wrong', contains: { n: 2 } })).toBe(1)
    const again = (await jobs.result(ids[1] as string))?.redrivenAs as string
    expect(again).toMatch(/^\d+$/)
    // Once: what was sent again is not offered again.
    expect((await jobs.findSucceeded()).map(({ id }) => id)).toEqual([ids[0], ids[2], unique.id])
    expect(await jobs.redrive({ from: 'succeeded', ids: [ids[1] as string] })).toBe(0)

    // Its key is in force: it stays where it is.
    const blocker = await jobs.send(job, { n: 4 }, { uniqueKey: 'four' })
    expect((await jobs.findSucceeded({ ids: [unique.id] }))[0]).toMatchObject({ isBlocked: true })
    expect(await jobs.redrive({ from: 'succeeded', perSecond: 40 })).toBe(2)
    expect((await jobs.result(unique.id))?.redrivenAs).toBeNull()

    await jobs.resume('wrong')
    const repeated = await eventually(async () => {
      const found = await jobs.result(again)
      expect(found).toBeDefined()
      return found
    })
    expect(repeated).toMatchObject({
      result: 200,
      attempts: 1,
      errors: [{ name: 'HF_JOBS_REDRIVEN', message: `Run ${ids[1]} succeeded and was sent again.` }],
    })
    await eventually(async () => expect(await jobs.result(blocker.id)).toBeDefined())
    expect(await jobs.redrive({ from: 'succeeded', ids: [unique.id] })).toBe(1)
    await worker.stop()
  })
})

test('a slow redrive does not send again what it has sent', async () => {
  const job = defineJob<Numbered>('steady', { keepMs: HOUR, handler: () => {} })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 4 }, (_, n) => ({ n })),
    )
    const worker = await jobs.work({ pollMs: 20 })
    await eventually(async () => expect(await countResults()).toBe(4))
    expect(await jobs.redrive({ from: 'succeeded', perSecond: 20 })).toBe(4)
    await eventually(async () => expect(await countResults()).toBe(8))
    await worker.stop()
    expect(await jobs.findSucceeded()).toHaveLength(4)
  })
})

test('a slow redrive ends with its signal', async () => {
  const job = defineJob<Numbered>('slow', { keepMs: HOUR, handler: () => {} })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(job, [{ n: 1 }, { n: 2 }])
    const worker = await jobs.work()
    await eventually(async () => expect(await countResults()).toBe(2))
    await worker.stop()
    const ending = new AbortController()
    const redriving = jobs.redrive({ from: 'succeeded', perSecond: 0.01, signal: ending.signal })
    await eventually(async () => expect((await jobs.findSucceeded()).length).toBe(1))
    ending.abort(new Error('enough'))
    await expect(redriving).rejects.toThrow('enough')
  })
})

test('the same rate for dead letters', async () => {
  const job = defineJob<Numbered>('dead-slowly', {
    attempts: 1,
    handler: () => {
      throw new Error('no')
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.sendMany(
      job,
      Array.from({ length: 5 }, (_, n) => ({ n })),
    )
    const worker = await jobs.work()
    await eventually(async () => expect(await jobs.findDead()).toHaveLength(5))
    await worker.stop()
    const spy = vi.spyOn(box.db, 'query')
    expect(await jobs.redrive({ name: 'dead-slowly', perSecond: 8, limit: 4 })).toBe(4)
    expect(spy.mock.calls.filter(([text]) => text.includes('holdfast:jobs.redrive'))).toHaveLength(2)
    expect(await jobs.findDead()).toHaveLength(1)
    await expect(jobs.redrive({ nmae: 'x' } as never)).rejects.toMatchObject({ code: 'HF_OPTIONS_UNKNOWN' })
  })
})

test('a job that waits and is cancelled is kept as cancelled', async () => {
  const job = defineJob<Numbered>('called-off', { keepMs: HOUR, handler: () => {} })
  await withJobs(box.db, [job], async (jobs) => {
    const [ready, later] = [
      await jobs.send(job, { n: 1 }),
      await jobs.send(job, { n: 2 }, { delayMs: HOUR, uniqueKey: 'x' }),
    ]
    expect(await jobs.status(later.id)).toMatchObject({ state: 'waiting', waits: [{}, { code: 'delayed' }] })
    for (const { id } of [ready, later]) {
      expect(await jobs.cancel(id)).toBe('cancelled')
      expect(await jobs.status(id)).toMatchObject({ state: 'cancelled', attempt: 0 })
    }
    expect(await jobs.cancel(ready.id)).toBe('not-found')
    expect(await jobs.cancel('no id')).toBe('not-found')
    expect((await box.db.query('select from holdfast.jobs_unique')).rowCount).toBe(0)
  })
})
