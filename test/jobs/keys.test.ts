import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineJob } from '../../src/jobs/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { withJobs } from '../helpers/jobs.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

interface Keyed {
  key: string
  n: number
}

/** Runs jobs of several keys in two workers; gives the most that ran at once for each key, and the order of each. */
async function race(name: string, perKey: number, keys: number, each: number, failEvery = 0) {
  const [running, most, order] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number[]>()]
  let done = 0
  const job = defineJob<Keyed>(name, {
    perKey,
    backoffMs: 5,
    handler: async ({ payload: { key, n }, attempt }) => {
      const now = (running.get(key) ?? 0) + 1
      running.set(key, now)
      most.set(key, Math.max(most.get(key) ?? 0, now))
      await new Promise((resolve) => setTimeout(resolve, 2))
      running.set(key, (running.get(key) as number) - 1)
      if (failEvery > 0 && n % failEvery === 0 && attempt === 1) throw new Error('once')
      order.set(key, [...(order.get(key) ?? []), n])
      done++
    },
  })
  await withJobs(box.db, [job], async (jobs) => {
    const sends = Array.from({ length: each }, (_, n) =>
      Array.from({ length: keys }, (_, k) => ({ key: `user:${k}`, n })),
    )
    for (const payload of sends.flat()) await jobs.send(job, payload, { key: payload.key })
    await jobs.work({ concurrency: 20 })
    await jobs.work({ concurrency: 20 })
    await eventually(() => expect(done).toBe(keys * each), { withinMs: 15_000 })
    await eventually(async () => {
      const [row] = await box.db.sql`
        select (select count(*)::int from holdfast.jobs_waiting) as waiting, (select count(*)::int from holdfast.jobs_ready) as ready`
      expect(row).toEqual({ waiting: 0, ready: 0 })
    })
  })
  return { most: [...most.values()], order: [...order.values()] }
}

test('jobs of one key run one at a time, in all workers together, in their order', async () => {
  const { most, order } = await race('exclusive', 1, 3, 20)
  expect(most).toEqual([1, 1, 1])
  for (const numbers of order) expect(numbers).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('with perKey so many run at once, and no more', async () => {
  const { most } = await race('three', 3, 2, 40)
  expect(most).toEqual([3, 3])
})

test('a job that fails frees its place until its next attempt', async () => {
  const { most } = await race('failing', 1, 2, 12, 4)
  expect(most).toEqual([1, 1])
})

test('keys of a dead worker are free again', async () => {
  const job = defineJob<Keyed>('orphaned', { handler: () => {} })
  await withJobs(box.db, [job], async (jobs) => {
    for (let n = 0; n < 3; n++) await jobs.send(job, { key: 'k', n }, { key: 'k' })
    const [queue] = await box.db.sql<{ id: number }>`select id from holdfast.jobs_queues where name = 'orphaned'`
    const lane = (queue?.id as number) * 4 + 1
    const [worker] = await box.db.sql<{ id: string }>`
      insert into holdfast.jobs_workers (instance, lease_ms, seen_at) values ('gone', 1, now() - interval '1 hour') returning id`
    const claimed = await box.db.sql<{ amount: number }>`
      select amount from holdfast.jobs_claim(${worker?.id}, ${[lane]}, ${[0]}, ${[0]}, 10)`
    expect(claimed).toEqual([{ amount: 1 }])
    expect((await box.db.query('select from holdfast.jobs_waiting')).rowCount).toBe(2)
    const running = await jobs.work()
    await eventually(() => expect(running.stats().succeeded).toBe(3))
  })
})

test('a job that waits for its key can be cancelled', async () => {
  const job = defineJob<Keyed>('parked', {
    handler: async ({ signal }) =>
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  })
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.send(job, { key: 'k', n: 0 }, { key: 'k' })
    const { id } = await jobs.send(job, { key: 'k', n: 1 }, { key: 'k' })
    const worker = await jobs.work({ graceMs: 0 })
    await eventually(async () => expect((await box.db.query('select from holdfast.jobs_waiting')).rowCount).toBe(1))
    expect(await jobs.inspect.findJob(id)).toMatchObject({ place: 'ready', waits: [{ code: 'key-taken' }] })
    expect(await jobs.cancel(id)).toBe('cancelled')
    await worker.stop()
    await box.db.query('delete from holdfast.jobs_ready')
  })
})
