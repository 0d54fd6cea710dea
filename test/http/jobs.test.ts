import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type {
  DeadCountDocument,
  DeadJobsDocument,
  JobLifeDocument,
  JobsDocument,
  RedriveDocument,
} from '../../src/http/contract.js'
import { connectTo } from '../../src/core/index.js'
import { createHttp, type HttpHandler } from '../../src/http/index.js'
import { createJobs, defineJob, type JobDefinition, type Jobs } from '../../src/jobs/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { defer, quietLogger } from '../helpers/jobs.js'
import { FakeDb } from './fake-db.js'

const token = 'correct-horse-battery-staple'
const origin = 'http://db.example.com'
const mine = { authorization: `Bearer ${token}`, origin, 'x-holdfast-action': '1' }

let handle: (payload: { n: number }) => unknown = () => undefined
const mail = defineJob<{ n: number }>('mail', { attempts: 1, handler: ({ payload }) => handle(payload) })
const report = defineJob<{ n: number }>('report', {
  attempts: 3,
  backoffMs: 600_000,
  handler: ({ payload }) => handle(payload),
})

let box: TestDatabase
let jobs: Jobs
let http: HttpHandler

beforeAll(async () => {
  box = await openTestDatabase()
  jobs = await createJobs(box.db, { jobs: [mail, report], logger: quietLogger })
  http = createHttp(box.db, { jobs, token })
})

afterAll(async () => {
  http.close()
  await jobs.close()
  await box.close()
})

beforeEach(async () => {
  handle = () => undefined
  for (const table of ['jobs_ready', 'jobs_later', 'jobs_dead', 'jobs_claims', 'jobs_unique', 'jobs_counts'])
    await box.db.query(`delete from holdfast.${table}`)
})

function ask(path: string, method = 'GET', headers: Record<string, string> = mine): Promise<Response> {
  return http.fetch(new Request(`${origin}/_holdfast/api/jobs${path}`, { method, headers }))
}

async function read<T>(path: string, method = 'GET'): Promise<T> {
  const answer = await ask(path, method)
  expect(answer.status, path).toBe(200)
  return (await answer.json()) as T
}

async function readCode(path: string, method = 'GET', headers = mine): Promise<[number, string]> {
  const answer = await ask(path, method, headers)
  return [answer.status, ((await answer.json()) as { code: string }).code]
}

/** Dead letters as a worker leaves them. */
async function bury(name: string, amount: number, body = `jsonb_build_object('n', n)`): Promise<void> {
  await box.db.query(
    `insert into holdfast.jobs_dead (id, queue, priority, attempts, errors, body, died_at)
     select nextval('holdfast.jobs_ids'), (select id from holdfast.jobs_queues where name = $1), 1, 3,
            '[{"attempt": 1, "name": "First"}, {"attempt": 3, "at": "2026-01-01T00:00:00Z", "name": "RangeError", "message": "no luck"}]',
            ${body}, now() - n / 3 * interval '1 second'
       from generate_series(1, $2) n`,
    [name, amount],
  )
}

describe('the overview', () => {
  it('says in one sentence that createHttp was not given jobs, and how', async () => {
    const bare = createHttp(new FakeDb(), { token })
    const get = (path: string): Promise<Response> =>
      bare.fetch(new Request(`${origin}/_holdfast/api/jobs${path}`, { headers: mine }))
    const document = (await (await get('')).json()) as JobsDocument
    const missing = await get('/dead')
    bare.close()
    expect(document).toMatchObject({ isConnected: false, queues: [], workers: [] })
    expect(document.verdict.sentence).toContain('was not given jobs')
    expect(document.verdict.fix).toContain('createHttp(db, { jobs })')
    expect([missing.status, await missing.json()]).toMatchObject([404, { code: 'HF_HTTP_NO_JOBS' }])
  })

  it('shows queues with their totals and minutes, and says that nobody works', async () => {
    await jobs.sendMany(mail, [{ n: 1 }, { n: 2 }])
    await jobs.pause('report')
    await box.db.query(`
      insert into holdfast.jobs_counts select q.id, date_trunc('minute', now()) - m * interval '1 minute', 10, 8, 1, m
        from holdfast.jobs_queues q, unnest(array[0, 5, 59, 90]) m where q.name = 'report'`)
    const { isConnected, queues, workers, verdict } = await read<JobsDocument>('')
    await jobs.resume('report')
    expect(isConnected).toBe(true)
    expect(workers).toEqual([])
    expect(verdict).toMatchObject({ severity: 'act' })
    expect(verdict.sentence).toMatch(/^Jobs wait and no worker is alive: the oldest of mail has waited \d+ s\.$/)
    const [first, second] = queues
    expect(first).toMatchObject({ name: 'mail', isPaused: false })
    expect(first?.oldestReadyMs).toBeGreaterThanOrEqual(0)
    expect(second).toMatchObject({
      name: 'report',
      isPaused: true,
      oldestReadyMs: null,
      sent: 40,
      succeeded: 32,
      died: 154,
    })
    const { sent, died } = (second as JobsDocument['queues'][number]).minutes
    expect([sent.length, sent.reduce((a, b) => a + b)]).toEqual([60, 30])
    expect(died.filter((count) => count > 0)).toEqual([59, 5])
  })

  it('shows how far long jobs are, schedules, and what became of a job that is kept', async () => {
    const gate = defer()
    const long: JobDefinition<object> = defineJob<object>('long', {
      keepMs: 3_600_000,
      handler: async ({ progress }) => {
        progress(30, 40, 'rows')
        await gate.promise
      },
    })
    const nightly = { name: 'nightly', schedule: '0 3 * * *', timeZone: 'Europe/Lisbon', job: long, payload: {} }
    const others = await createJobs(box.db, { jobs: [long], crons: [nightly], logger: quietLogger })
    try {
      const { id } = await others.send(long, {})
      await others.work()
      await eventually(async () => {
        const { running, crons } = await read<JobsDocument>('')
        expect(running).toMatchObject([
          { id, name: 'long', attempt: 1, done: 30, total: 40, note: 'rows', isCancelling: false },
        ])
        expect(crons).toMatchObject([{ name: 'nightly', job: 'long', timeZone: 'Europe/Lisbon', firedAt: null }])
        expect(crons[0]?.nextMs).toBeGreaterThan(0)
      })
      gate.resolve()
      await eventually(async () =>
        expect((await read<JobLifeDocument>(`/job?id=${id}`)).sentence).toMatch(
          /^It succeeded after 1 attempt; kept until /,
        ),
      )
      expect((await read<JobsDocument>('')).running).toEqual([])
    } finally {
      await others.close()
      await box.db.query(`delete from holdfast.jobs_crons`)
      await box.db.query(`delete from holdfast.jobs_queues where name = 'long'`)
    }
  })

  it('shows who is alive', async () => {
    const worker = await jobs.work({ leaseMs: 60_000 })
    try {
      const { workers, verdict } = await read<JobsDocument>('')
      expect(workers).toMatchObject([{ instance: expect.stringMatching(/:\d+$/) as string, isAlive: true }])
      expect(workers[0]?.seenMs).toBeLessThan(60_000)
      expect(verdict.sentence).toBe('Nothing is wrong: no job waits, 1 worker is alive.')
    } finally {
      await worker.stop()
    }
  })
})

describe("one job's life", () => {
  const find = (id: string, query = ''): Promise<JobLifeDocument> => read(`/job?id=${id}${query}`)
  const codes = ({ waits }: JobLifeDocument): string[] => waits.map(({ code }) => code)

  it('waits for a worker, behind others, in a paused queue; the payload comes only when asked for', async () => {
    const [first = '', second = ''] = await jobs.sendMany(mail, [{ n: 1 }, { n: 2 }])
    const life = await find(first)
    expect(life).toMatchObject({ id: first, place: 'ready', name: 'mail', attempt: 1, attempts: 1, priority: 'normal' })
    expect(life).not.toHaveProperty('payload')
    expect(codes(life)).toEqual(['no-live-worker'])
    await jobs.pause('mail')
    expect(codes(await find(second))).toEqual(['queue-paused', 'no-live-worker', 'behind'])
    await jobs.resume('mail')
    expect((await find(second, '&payload=1')).payload).toEqual({ text: '{"n":2}', isCut: false })
  })

  it('is delayed, runs at a worker, pauses after a failure, and is found by its first id all along', async () => {
    const { id } = await jobs.send(report, { n: 1 }, { delayMs: 300, uniqueKey: 'one', priority: 'high' })
    const delayed = await find(id)
    expect(delayed).toMatchObject({ place: 'delayed', priority: 'high', uniqueKey: 'one', worker: null })
    expect(codes(delayed)).toEqual(['no-live-worker', 'delayed'])
    const started = defer()
    const mayEnd = defer()
    handle = async () => {
      started.resolve()
      await mayEnd.promise
      throw new RangeError('no luck')
    }
    const worker = await jobs.work()
    try {
      await started.promise
      const running = await find(id)
      expect(running).toMatchObject({
        id,
        place: 'running',
        waits: [],
        worker: { instance: expect.any(String) as string },
      })
      expect(running.sentence).toMatch(/^It is in the hands of .+:\d+, attempt 1 of 3\.$/)
      mayEnd.resolve()
      await eventually(async () => expect((await find(id)).place).toBe('retry'))
      const paused = await find(id)
      expect(codes(paused)).toEqual(['retry-pause'])
      expect(paused).toMatchObject({ attempt: 2, errors: [{ attempt: 1, name: 'RangeError', message: 'no luck' }] })
      expect(await read(`/cancel?id=${id}`, 'POST')).toEqual({ answer: 'cancelled' })
      expect(await box.db.sql`select key from holdfast.jobs_unique`).toEqual([])
    } finally {
      await worker.stop()
    }
  })

  it('is dead, or unknown for one of two reasons', async () => {
    await bury('mail', 1)
    const { dead } = await read<DeadJobsDocument>('/dead')
    const life = await find(dead[0]?.id ?? '', '&payload=1')
    expect(life).toMatchObject({ place: 'dead', attempt: 3, waits: [], payload: { text: '{"n": 1}' } })
    const { id } = await jobs.send(mail, { n: 1 })
    expect(await read(`/cancel?id=${id}`, 'POST')).toEqual({ answer: 'cancelled' })
    expect(await read(`/cancel?id=${id}`, 'POST')).toEqual({ answer: 'not-found' })
    expect((await find(id)).sentence).toContain('was cancelled')
    expect((await find('999999999999999')).sentence).toContain('has ever been sent')
  })

  it('cuts a long payload', async () => {
    const { id } = await jobs.send(mail, { n: 1, text: 'x'.repeat(30_000) } as { n: number })
    const { payload } = await find(id, '&payload=1')
    expect([payload?.text.length, payload?.isCut]).toEqual([20_000, true])
  })
})

describe('dead letters', () => {
  it('come newest first, page by page, each once, without payloads', async () => {
    await bury('mail', 120)
    await bury('report', 7)
    const seen: string[] = []
    let next: string | null = ''
    let pages = 0
    while (next !== null) {
      const page: DeadJobsDocument = await read(next === '' ? '/dead' : `/dead?after=${next}`)
      expect(JSON.stringify(page)).not.toContain('payload')
      expect(page.dead[0]).toMatchObject({ attempts: 3, error: { name: 'RangeError', message: 'no luck' } })
      expect(page.dead.map((job) => job.diedAt)).toEqual(page.dead.map((job) => job.diedAt).sort((a, b) => b - a))
      seen.push(...page.dead.map((job) => job.id))
      next = page.next
      pages++
    }
    expect([pages, seen.length, new Set(seen).size]).toEqual([3, 127, 127])
  })

  it('are found by queue and by what their payload contains, counted and redriven', async () => {
    await bury('mail', 12, `jsonb_build_object('to', case when n <= 4 then 'ada' else 'bob' end)`)
    await bury('report', 3, `jsonb_build_object('to', 'ada')`)
    const filter = `?queue=mail&contains=${encodeURIComponent('{"to": "ada"}')}`
    const { dead, next } = await read<DeadJobsDocument>(`/dead${filter}`)
    expect([dead.length, next]).toEqual([4, null])
    expect(await read<DeadCountDocument>(`/preview${filter}`)).toEqual({ count: 4, isMore: false })
    expect(await read<RedriveDocument>(`/redrive${filter}&all=1`, 'POST')).toEqual({ redriven: 4 })
    expect(await read<DeadCountDocument>(`/preview${filter}`)).toEqual({ count: 0, isMore: false })
    const [one, two] = (await read<DeadJobsDocument>('/dead')).dead
    expect(await read(`/redrive?ids=${one?.id},${two?.id},1`, 'POST')).toEqual({ redriven: 2 })
    expect(await read<JobLifeDocument>(`/job?id=${one?.id}`)).toMatchObject({ id: one?.id, place: 'ready', attempt: 1 })
    expect(await read<DeadCountDocument>('/preview')).toEqual({ count: 9, isMore: false })
  })

  it('are counted no further than one redrive takes', async () => {
    await bury('mail', 1_001)
    expect(await read<DeadCountDocument>('/preview?queue=mail')).toEqual({ count: 1_000, isMore: true })
  })
})

describe('actions', () => {
  it('pause and resume a queue', async () => {
    const isPaused = async (): Promise<boolean | undefined> => (await read<JobsDocument>('')).queues[0]?.isPaused
    expect((await ask('/pause?queue=mail', 'POST')).status).toBe(204)
    expect(await isPaused()).toBe(true)
    expect((await ask('/resume?queue=mail', 'POST')).status).toBe(204)
    expect(await isPaused()).toBe(false)
    expect(await readCode('/pause?queue=nobody', 'POST')).toEqual([404, 'HF_JOBS_NOT_FOUND'])
  })

  it.each(['/pause?queue=mail', '/resume?queue=mail', '/redrive?all=1', '/cancel?id=1'])(
    '%s is refused with GET, from elsewhere and without a token',
    async (path) => {
      expect(await readCode(path)).toEqual([405, 'HF_HTTP_METHOD'])
      expect(await readCode(path, 'POST', { ...mine, origin: 'http://evil.example.com' })).toEqual([
        403,
        'HF_HTTP_ORIGIN',
      ])
      expect(await readCode(path, 'POST', { ...mine, 'x-holdfast-action': '' })).toEqual([403, 'HF_HTTP_ORIGIN'])
      expect(await readCode(path, 'POST', { ...mine, authorization: '' })).toEqual([401, 'HF_HTTP_UNAUTHORIZED'])
    },
  )

  it.each([
    ['/job', 'GET'],
    ['/job?id=1x', 'GET'],
    ['/job?id=1,2', 'GET'],
    ['/job?id=9999999999999999999', 'GET'],
    ['/dead?contains=%7B', 'GET'],
    ['/dead?contains=%22%5Cu0000%22', 'GET'],
    ['/dead?contains=%22%5Cud800%22', 'GET'],
    ['/dead?queue=%00', 'GET'],
    [`/preview?queue=${'x'.repeat(101)}`, 'GET'],
    ['/pause', 'POST'],
    ['/redrive', 'POST'],
    ['/redrive?ids=', 'POST'],
    ['/cancel?id=-1', 'POST'],
  ])('%s %s is a typed refusal', async (path, method) => {
    expect(await readCode(path, method)).toEqual([400, 'HF_HTTP_PARAMETER'])
  })
})

describe('with 200,000 jobs ready and as many dead', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    // As moved once, so that they are found by another id than their own; 1 of 1,000 dead letters is to ada.
    await box.db.query(`
      with q as (select id from holdfast.jobs_queues where name = 'mail')
      insert into holdfast.jobs_ready (slot, lane, id, origin, body)
      select (n.id >> 16) & 7, q.id * 4 + 1, n.id, 1000000000 + n.id, '{"n": 1}'
        from q, (select nextval('holdfast.jobs_ids') as id from generate_series(1, 200000)) n`)
    await bury(
      'mail',
      200_000,
      `jsonb_build_object('n', n, 'all', 1, 'to', case when n % 1000 = 0 then 'ada' else 'bob' end)`,
    )
    await bury('report', 3)
    await runAdmin(box.ownerUrl, 'analyze holdfast.jobs_dead')
  }, 60_000)

  /** Rows and index entries that ended sessions have read of the two big tables. */
  const countReads = async (): Promise<number> => {
    const text = `select sum(t.seq_tup_read + coalesce(i.idx_tup_read, 0))::float8 as reads from pg_stat_user_tables t
      left join lateral (select sum(i.idx_tup_read) as idx_tup_read from pg_stat_user_indexes i where i.relid = t.relid) i on true
     where t.schemaname = 'holdfast' and (t.relname like 'jobs_ready%' or t.relname = 'jobs_dead')`
    return (await runAdmin<{ reads: number }>(box.ownerUrl, text))[0]?.reads ?? 0
  }

  it('no answer reads a table to its end', async () => {
    const text = 'select max(origin)::text as id from holdfast.jobs_ready'
    const id = (await runAdmin<{ id: string }>(box.ownerUrl, text))[0]?.id ?? ''
    const before = await countReads()
    // A connection of its own, because a session's reads are known for certain once it has ended.
    const db = await connectTo({ url: box.url, directUrl: box.url, heartbeatMs: 600_000 })
    const looker = await createJobs(db, { jobs: [], logger: quietLogger })
    const { inspect } = looker
    expect(await looker.queues()).toHaveLength(2)
    expect(await inspect.findJob(id)).toMatchObject({ id, place: 'ready' })
    const first = await inspect.listDead()
    expect((await inspect.listDead({ after: first.next ?? '' })).dead).toHaveLength(50)
    expect((await inspect.listDead({ name: 'report' })).dead).toHaveLength(3)
    expect((await inspect.listDead({ contains: { to: 'ada' } })).dead).toHaveLength(50)
    expect((await inspect.listDead({ contains: { to: 'nobody' } })).dead).toHaveLength(0)
    expect(await inspect.countDead()).toEqual({ count: 1_000, isMore: true })
    expect(await inspect.countDead({ contains: { to: 'ada' } })).toEqual({ count: 200, isMore: false })
    expect(await looker.cancel(id)).toBe('cancelled')
    expect(await inspect.findJob(id)).toMatchObject({ place: 'unknown' })
    await looker.close()
    await db.close()
    await eventually(async () => expect(await countReads()).toBeGreaterThan(before))
    expect((await countReads()) - before).toBeLessThan(10_000)
  })

  it('what nearly all letters contain is found among the newest', async () => {
    const { dead } = await read<DeadJobsDocument>(`/dead?contains=${encodeURIComponent('{"all": 1}')}`)
    expect(dead).toHaveLength(50)
    expect(await read('/preview?queue=report&contains=%7B%22all%22%3A1%7D')).toEqual({ count: 0, isMore: false })
    expect(await read('/preview?contains=%7B%22all%22%3A1%7D')).toEqual({ count: 1_000, isMore: true })
  })
})
