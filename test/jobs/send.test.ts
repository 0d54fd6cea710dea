import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineJob, type StandardSchema } from '../../src/jobs/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { withJobs } from '../helpers/jobs.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

const idle = (name: string) => defineJob<{ n: number }>(name, { handler: () => {} })

async function countReady(name: string): Promise<number> {
  const [row] = await box.db.sql<{ amount: number }>`
    select count(*)::int as amount from holdfast.jobs_ready r join holdfast.jobs_queues q on q.id = r.lane >> 2
     where q.name = ${name}`
  return row?.amount as number
}

test('a job sent in a transaction exists exactly if that commits', async () => {
  const job = idle('in-tx')
  await withJobs(box.db, [job], async (jobs) => {
    await box.db.tx(async (tx) => await jobs.send(tx, job, { n: 1 }))
    const undone = box.db.tx(async (tx) => {
      await jobs.send(tx, job, { n: 2 })
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    expect(await countReady('in-tx')).toBe(1)
  })
})

test('sends of one process at the same time share statements, and each gets its own id', async () => {
  const job = idle('coalesced')
  await withJobs(box.db, [job], async (jobs) => {
    const sent = await Promise.all(Array.from({ length: 500 }, async (_, n) => await jobs.send(job, { n })))
    expect(new Set(sent.map(({ id }) => id)).size).toBe(500)
    const rows = await box.db.sql<{ id: string; n: number }>`
      select r.id, (r.body::json ->> 'n')::int as n from holdfast.jobs_ready r
        join holdfast.jobs_queues q on q.id = r.lane >> 2 where q.name = 'coalesced'`
    const byId = new Map(rows.map(({ id, n }) => [id, n]))
    sent.forEach(({ id }, n) => expect(byId.get(id)).toBe(n))
  })
})

test('the hint of a lone send travels with it; those that follow at once share the next one', async () => {
  const job = idle('told')
  await withJobs(box.db, [job], async (jobs) => {
    const heard: string[] = []
    const stop = await box.db.listen('holdfast_jobs', ({ payload }) => void heard.push(payload))
    const before = box.db.stats().query.count
    await jobs.send(job, { n: 1 })
    expect(box.db.stats().query.count - before).toBe(1)
    await expect.poll(() => heard.length).toBe(1)
    const burst = box.db.stats().query.count
    for (let n = 0; n < 3; n++) await jobs.send(job, { n })
    await expect.poll(() => heard.length).toBeGreaterThan(1)
    // Three sends, and a hint for what came within the pause after the first.
    expect(box.db.stats().query.count - burst).toBeLessThanOrEqual(5)
    expect(new Set(heard).size).toBe(1)
    await stop()
  })
})

test('sendMany gives the ids in the order of the payloads, over several statements', async () => {
  const job = idle('many')
  await withJobs(box.db, [job], async (jobs) => {
    const ids = await jobs.sendMany(
      job,
      Array.from({ length: 2_500 }, (_, n) => ({ n })),
    )
    expect(ids).toHaveLength(2_500)
    const [row] = await box.db.sql<{ n: number }>`
      select (body::json ->> 'n')::int as n from holdfast.jobs_ready where id = ${ids[2_345]}`
    expect(row?.n).toBe(2_345)
    expect(await jobs.sendMany(job, [])).toEqual([])
  })
})

test('while a job with a unique key waits, another one is not sent, and its id is told', async () => {
  const job = idle('unique')
  await withJobs(box.db, [job], async (jobs) => {
    const first = await jobs.send(job, { n: 1 }, { uniqueKey: 'user:42' })
    expect(first.isNew).toBe(true)
    expect(await jobs.send(job, { n: 2 }, { uniqueKey: 'user:42' })).toEqual({ id: first.id, isNew: false })
    expect((await jobs.send(job, { n: 3 }, { uniqueKey: 'user:43' })).isNew).toBe(true)
    expect(await jobs.cancel(first.id)).toBe('cancelled')
    expect(await jobs.cancel(first.id)).toBe('not-found')
    expect((await jobs.send(job, { n: 4 }, { uniqueKey: 'user:42' })).isNew).toBe(true)
  })
})

test('of concurrent sends with one unique key exactly one is new', async () => {
  const job = idle('unique-race')
  await withJobs(box.db, [job], async (jobs) => {
    const sends = Array.from({ length: 20 }, async (_, n) => await jobs.send(job, { n }, { uniqueKey: 'one' }))
    const sent = await Promise.all(sends)
    expect(sent.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect(await countReady('unique-race')).toBe(1)
  })
})

test('a delayed job can be cancelled', async () => {
  const job = idle('delayed-cancel')
  await withJobs(box.db, [job], async (jobs) => {
    const { id } = await jobs.send(job, { n: 1 }, { delayMs: 60_000 })
    expect(await jobs.cancel(id)).toBe('cancelled')
    expect(await jobs.cancel(id)).toBe('not-found')
  })
})

const even: StandardSchema<{ n: number }, { n: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { n } = value as { n: number }
      return n % 2 === 0 ? { value: { n } } : { issues: [{ message: 'must be even', path: ['n'] }] }
    },
  },
}

test('payloads that do not fit are refused before anything is sent, and never quoted', async () => {
  const job = defineJob('checked', { schema: even, handler: () => {} })
  const loose = defineJob<unknown>('loose', { handler: () => {} })
  await withJobs(box.db, [job, loose], async (jobs) => {
    const odd = jobs.send(job, { n: 4711 })
    await expect(odd).rejects.toMatchObject({ code: 'HF_JOBS_PAYLOAD_INVALID', status: 422 })
    await expect(odd).rejects.not.toThrow('4711')
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const bad of [undefined, () => {}, cycle, { text: 'a\u0000b' }, 10n]) {
      await expect(jobs.send(loose, bad)).rejects.toMatchObject({ code: 'HF_JOBS_PAYLOAD_INVALID' })
    }
    const large = jobs.send(loose, 'x'.repeat(10_000_000))
    await expect(large).rejects.toMatchObject({ code: 'HF_JOBS_PAYLOAD_TOO_LARGE', status: 413 })
    expect(await countReady('checked')).toBe(0)
    expect(await countReady('loose')).toBe(0)
  })
})

test('a definition that was not given to createJobs is refused by name', async () => {
  await withJobs(box.db, [idle('known')], async (jobs) => {
    await expect(jobs.send(idle('stranger'), { n: 1 })).rejects.toMatchObject({ code: 'HF_JOBS_UNKNOWN' })
  })
})

test('names and options are checked when a job is defined', () => {
  expect(() => idle('')).toThrow(expect.objectContaining({ code: 'HF_JOBS_NAME' }))
  const wrong = { handler: () => {}, atempts: 3 }
  expect(() => defineJob('x', wrong)).toThrow(/did you mean `attempts`/)
})

test('another language sends by a function, in its own transaction', async () => {
  const client = await box.db.connectDirect()
  try {
    await client.query('begin')
    await client.query(`select holdfast.send_job('from-python', '{"n": 1}')`)
    await client.query('rollback')
    expect(await countReady('from-python')).toBe(0)
    const { rows } = await client.query(`select holdfast.send_job('from-python', '{"n": 1}', unique_key => 'a') as id`)
    expect(Number(rows[0].id)).toBeGreaterThan(0)
    const again = await client.query(`select holdfast.send_job('from-python', '{"n": 2}', unique_key => 'a') as id`)
    expect(again.rows[0].id).toBeNull()
    await client.query(
      `select holdfast.send_job('from-python', '{"n": 3}', run_at => now() + interval '1 hour', priority => 0)`,
    )
    expect(await countReady('from-python')).toBe(1)
  } finally {
    await client.end()
  }
})
