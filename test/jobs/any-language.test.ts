import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { defineJob, type Job } from '../../src/jobs/index.js'
import * as store from '../../src/jobs/store.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { withJobs } from '../helpers/jobs.js'
import { findPgBouncer, startPgBouncer } from '../helpers/pgbouncer.js'
import { findPython, runPython, startPython, type PythonProgram } from '../helpers/python.js'

// The SQL functions for workers in other languages: here from node-postgres, below from Python.

let box: TestDatabase
let db: Db
beforeAll(async () => {
  box = await openTestDatabase()
  db = box.db
  await db.query('create table effects (job bigint)')
})
afterAll(async () => await box.close())
beforeEach(async () => {
  const kept = new Set(['jobs_lanes', 'jobs_queues'])
  const tables = await db.sql<{ name: string }>`
    select relname as name from pg_class where relnamespace = 'holdfast'::regnamespace and relname like 'jobs%' and relkind in ('r', 'p')`
  for (const { name } of tables) if (!kept.has(name)) await db.query(`delete from holdfast.${name}`)
  await db.query('delete from effects')
})

interface ClaimedRow {
  id: string
  name: string
  payload: unknown
  attempt: number
  sent_at: Date
  claim: string
}

const lost = { code: 'HF002', message: expect.stringContaining('HF_JOBS_LOST') as string }

async function send(queue: string, payload: unknown = {}, more = ''): Promise<string> {
  const { rows } = await db.query<{ id: string }>(`select holdfast.send_job($1, $2${more}) as id`, [
    queue,
    JSON.stringify(payload),
  ])
  return (rows[0] as { id: string }).id
}
const claimJobs = async (queue: string, max = 10, lease = '30 seconds', on: Pick<Db, 'query'> = db) =>
  (await on.query<ClaimedRow>('select * from holdfast.claim_jobs($1, $2, $3)', [queue, max, lease])).rows
const complete = async (claim: string, ids: string[] | null) =>
  (await db.query<{ done: number }>('select holdfast.complete_jobs($1, $2) as done', [claim, ids])).rows[0]?.done
const failJob = async ({ claim, id }: ClaimedRow, more = '') =>
  (await db.query<{ at: Date | null }>(`select holdfast.fail_job($1, $2, 'It broke.'${more}) as at`, [claim, id]))
    .rows[0]?.at
const lapse = async () => {
  await db.query(`update holdfast.jobs_workers set seen_at = now() - interval '1 day'`)
  await skipPause()
}
/** What a second of waiting does: upkeep is due again. */
const skipPause = async () => await db.query('delete from holdfast.jobs_upkeep')
const count = async (table: string) =>
  (await db.query<{ amount: number }>(`select count(*)::int as amount from holdfast.${table}`)).rows[0]?.amount
const only = <T>(rows: readonly T[]): T => {
  expect(rows).toHaveLength(1)
  return rows[0] as T
}

describe('claiming and completing', () => {
  test('a claim gives what was sent, once; completing it leaves nothing behind', async () => {
    const id = await send('plain', { order: 7 })
    const row = only(await claimJobs('plain'))
    expect(row).toMatchObject({ id, name: 'plain', payload: { order: 7 }, attempt: 1 })
    expect(row.sent_at).toBeInstanceOf(Date)
    expect(await claimJobs('plain')).toEqual([])
    expect(await complete(row.claim, [id])).toBe(1)
    for (const table of ['jobs_ready', 'jobs_claims', 'jobs_workers']) expect(await count(table)).toBe(0)
    expect(await claimJobs('plain')).toEqual([])
  })

  test('null completes what is left; whatever is not held any more is refused, and with it the whole call', async () => {
    for (let n = 0; n < 4; n++) await send('some', { n })
    const rows = await claimJobs('some', 3)
    const [claim, ids] = [rows[0]?.claim as string, rows.map(({ id }) => id)]
    expect(await complete(claim, ids.slice(0, 1))).toBe(1)
    await expect(complete(claim, ids)).rejects.toMatchObject(lost)
    expect(await complete(claim, null)).toBe(2)
    await expect(complete(claim, null)).rejects.toMatchObject(lost)
    expect(only(await claimJobs('some')).payload).toEqual({ n: 3 })
  })

  test('the effect and the completion are one commit, and after the lease neither happens', async () => {
    await send('effect')
    const zombie = only(await claimJobs('effect'))
    await lapse()
    const next = only(await claimJobs('effect'))
    expect(next.id).toBe(zombie.id)
    expect(next.attempt).toBe(1)
    const finish = async ({ id, claim }: ClaimedRow) =>
      await db.tx(async (tx) => {
        await tx.sql`insert into effects values (${id})`
        await tx.sql`select holdfast.complete_jobs(${claim}, ${[id]}::bigint[])`
      })
    await expect(finish(zombie)).rejects.toMatchObject(lost)
    await finish(next)
    expect(await db.sql`select job from effects`).toEqual([{ job: next.id }])
  })

  test('a zombie can neither fail, return nor extend', async () => {
    await send('zombie')
    const zombie = only(await claimJobs('zombie'))
    await lapse()
    only(await claimJobs('zombie'))
    await expect(failJob(zombie)).rejects.toMatchObject(lost)
    await expect(db.sql`select holdfast.return_jobs(${zombie.claim})`).rejects.toMatchObject(lost)
    await expect(db.sql`select holdfast.extend_claim(${zombie.claim})`).rejects.toMatchObject(lost)
  })

  test('an id in place of the claim is nobody’s claim, not even that of the Node worker with that number', async () => {
    const lane = (await store.registerQueue(db, 'node', 10, 1000)) * 4 + 1
    await store.sendPlain(db, lane, '{}')
    const worker = await store.addWorker(db, 'node', 60_000)
    await store.claim(db, worker, [lane], [0], [0], 1)
    await expect(complete(worker, null)).rejects.toMatchObject(lost)
    await expect(db.sql`select holdfast.extend_claim(${worker})`).rejects.toMatchObject(lost)
  })

  test('an extended claim outlives its first lease', async () => {
    await send('long')
    const row = only(await claimJobs('long', 1, '200 milliseconds'))
    await db.sql`select holdfast.extend_claim(${row.claim}, '1 minute')`
    await db.query(`update holdfast.jobs_workers set seen_at = seen_at - interval '30 seconds'`)
    await skipPause()
    expect(await claimJobs('long')).toEqual([])
    expect(await complete(row.claim, [row.id])).toBe(1)
  })

  test('two that end the last jobs of a claim at once do not wait for each other', async () => {
    await send('pair')
    await send('pair')
    const rows = await claimJobs('pair')
    const clients = await Promise.all(rows.map(async () => await db.connectDirect()))
    await Promise.all(
      clients.map(async (client, index) => {
        const { claim, id } = rows[index] as ClaimedRow
        await client.query('begin')
        await client.query('select holdfast.complete_jobs($1, $2)', [claim, [id]])
      }),
    )
    for (const client of clients) await client.query('commit')
    await Promise.all(clients.map((client) => client.end()))
    expect(await count('jobs_ready')).toBe(0)
    await lapse()
    expect(await claimJobs('pair')).toEqual([])
    expect(await count('jobs_workers')).toBe(0)
    expect(await count('jobs_claims')).toBe(0)
  })

  test('what the caller commits with a claim is as durable as it asked for', async () => {
    await send('durable')
    const client = await db.connectDirect()
    await client.query('begin')
    await client.query(`set local synchronous_commit = remote_write`)
    await client.query(`select * from holdfast.claim_jobs('durable')`)
    const { rows } = await client.query('show synchronous_commit')
    await client.query('rollback')
    await client.end()
    expect(rows).toEqual([{ synchronous_commit: 'remote_write' }])
    expect(await claimJobs('durable')).toHaveLength(1)
  })

  test('a claim in an older snapshot is refused, as are sizes and leases out of range', async () => {
    await expect(
      db.tx(async (tx) => await tx.sql`select * from holdfast.claim_jobs('x')`, { isolation: 'repeatable read' }),
    ).rejects.toMatchObject({ code: '25001' })
    await expect(claimJobs('x', 0)).rejects.toMatchObject({ code: '22023' })
    await expect(claimJobs('x', 1, '2 days')).rejects.toMatchObject({ code: '22023' })
    expect(await claimJobs('nobody sent any')).toEqual([])
  })
})

describe('failing', () => {
  test('a failed job waits, runs again with its history, and ends in the dead letters; all is counted', async () => {
    await store.registerQueue(db, 'failing', 2, 1000)
    const id = await send('failing', {}, `, unique_key => 'one'`)
    const first = only(await claimJobs('failing'))
    const at = (await failJob(first, `, error_name => 'ValueError'`)) as Date
    expect(at.getTime() - Date.now()).toBeGreaterThan(400)
    expect(at.getTime() - Date.now()).toBeLessThan(1_300)
    expect(await claimJobs('failing')).toEqual([])
    await db.query('update holdfast.jobs_later set run_at = now()')
    await skipPause()
    const second = only(await claimJobs('failing'))
    expect(second).toMatchObject({ id, attempt: 2 })
    expect(await failJob(second)).toBeNull()
    await withJobs(db, [], async (jobs) => {
      const [letter] = await jobs.findDead({ name: 'failing' })
      expect(letter).toMatchObject({ id, attempts: 2, errors: [{ name: 'ValueError', message: 'It broke.' }, {}] })
    })
    expect(await send('failing', {}, `, unique_key => 'one'`)).not.toBeNull()
    await db.sql`select holdfast.maintain_jobs()`
    const [counted] = await db.sql`select sum(failed)::int as failed, sum(died)::int as died from holdfast.jobs_counts`
    expect(counted).toEqual({ failed: 2, died: 1 })
  })

  test('retry_after is kept to, and retry => false is final', async () => {
    await send('asked')
    await send('asked')
    const [a, b] = await claimJobs('asked')
    const at = (await failJob(a as ClaimedRow, `, retry_after => '1 hour'`)) as Date
    expect(Math.abs(at.getTime() - Date.now() - 3_600_000)).toBeLessThan(30_000)
    expect(await failJob(b as ClaimedRow, `, retry => false`)).toBeNull()
    expect(await count('jobs_dead')).toBe(1)
  })

  test('a returned job is another one’s at once, with no attempt used up', async () => {
    const id = await send('returned')
    const row = only(await claimJobs('returned'))
    await db.sql`select holdfast.return_jobs(${row.claim})`
    expect(only(await claimJobs('returned'))).toMatchObject({ id, attempt: 1 })
  })

  test('a job that ends every worker is dead after its attempts; what was claimed along with it loses none', async () => {
    await store.registerQueue(db, 'poison', 3, 0)
    await send('poison', 'innocent 1')
    await send('poison', 'poison')
    await send('poison', 'innocent 2')
    const done: unknown[] = []
    for (let round = 0; round < 12; round++) {
      const rows = await claimJobs('poison')
      if (round === 0) expect(rows).toHaveLength(3)
      else expect(rows.length).toBeLessThanOrEqual(1)
      if (rows.some(({ payload }) => payload === 'poison')) await lapse()
      else for (const { claim, id, payload } of rows) done.push([payload, await complete(claim, [id])])
    }
    expect(done).toEqual([
      ['innocent 1', 1],
      ['innocent 2', 1],
    ])
    const [letter] = await db.sql`select body, attempts, jsonb_array_length(errors) as errors from holdfast.jobs_dead`
    expect(letter).toEqual({ body: 'poison', attempts: 3, errors: 3 })
  })
})

describe('with the rest of the protocol', () => {
  test('jobs of a key run one at a time, also where a suspect parts a claim', async () => {
    for (let n = 0; n < 3; n++) await send('keyed', n, `, key => 'k'`)
    await send('keyed', 'other', `, key => 'o'`)
    const first = await claimJobs('keyed')
    expect(first.map(({ payload }) => payload)).toEqual([0, 'other'])
    await lapse()
    const seen: unknown[] = []
    for (let round = 0; round < 4; round++) {
      const { claim, id, payload } = only(await claimJobs('keyed'))
      seen.push(payload)
      await complete(claim, [id])
    }
    expect(seen.toSorted()).toEqual([0, 1, 2, 'other'])
    expect(await count('jobs_waiting')).toBe(0)
  })

  test('a keyed job is not ended in an older snapshot; another one is', async () => {
    await send('level', 1, `, key => 'k'`)
    await send('level', 2)
    const rows = await claimJobs('level')
    const finish = async ({ claim, id }: ClaimedRow) =>
      await db.tx(async (tx) => await tx.sql`select holdfast.complete_jobs(${claim}, ${[id]}::bigint[])`, {
        isolation: 'serializable',
      })
    await expect(finish(rows[0] as ClaimedRow)).rejects.toMatchObject({ code: '25001' })
    await finish(rows[1] as ClaimedRow)
  })

  test('high comes before low, and low does not starve', async () => {
    await send('ranked', 'low', ', priority => 2')
    for (let n = 0; n < 300; n++) await send('ranked', 'high', ', priority => 0')
    const seen: unknown[] = []
    // 200 looks without the low one: 0.00025 %, as each begins with it one time in sixteen.
    for (let round = 0; round < 200 && !seen.includes('low'); round++) {
      const { claim, payload } = only(await claimJobs('ranked', 1))
      seen.push(payload)
      await complete(claim, null)
    }
    expect(seen).toContain('low')
  })

  test('a job that commits late is found, below marks that have moved; a mark waits for it', async () => {
    await send('late', 'first')
    await complete(only(await claimJobs('late')).claim, null)
    const slow = await db.connectDirect()
    await slow.query('begin')
    await slow.query(`select holdfast.send_job('late', '"late"')`)
    const seen: unknown[] = []
    const marks = async () =>
      await db.sql<{ safe: string; stamp: string | null }>`select m.safe, m.stamp from holdfast.jobs_marks m
        join holdfast.jobs_lanes l on l.lane = m.lane join holdfast.jobs_queues q on q.id = l.queue where q.name = 'late' and l.priority = 1`
    const step = async () => {
      // Ids that other queues draw move the marks of all.
      await db.query(`select max(nextval('holdfast.jobs_ids')) from generate_series(1, 20000)`)
      await send('late', 'later')
      const { claim, payload } = only(await claimJobs('late'))
      seen.push(payload)
      await complete(claim, null)
    }
    for (let round = 0; round < 3; round++) await step()
    const [held] = await marks()
    expect(held?.stamp).not.toBeNull()
    expect(Number(held?.safe)).toBe(0)
    await slow.query('commit')
    await slow.end()
    const late = await eventually(async () => only(await claimJobs('late')))
    expect(late.payload).toBe('late')
    await complete(late.claim, null)
    for (let round = 0; round < 3; round++) await step()
    await eventually(async () => {
      await claimJobs('late')
      expect(Number((await marks())[0]?.safe)).toBeGreaterThan(Number(late.id))
    })
    expect(seen).toEqual(Array.from({ length: 6 }, () => 'later'))
    expect(await count('jobs_ready')).toBe(0)
  })

  test('a paused queue gives nothing', async () => {
    await send('paused')
    await store.setPaused(db, 'paused', true)
    expect(await claimJobs('paused')).toEqual([])
    await store.setPaused(db, 'paused', false)
    expect(await claimJobs('paused')).toHaveLength(1)
  })

  test('a look at an idle queue writes nothing but the note of the upkeep, once a second', async () => {
    await send('idle')
    await complete(only(await claimJobs('idle')).claim, null)
    await eventually(async () => {
      const xids = await db.tx(async (tx) => {
        await tx.sql`select * from holdfast.claim_jobs('idle')`
        return await tx.sql`select pg_current_xact_id_if_assigned() as xid`
      })
      expect(xids).toEqual([{ xid: null }])
    })
  })

  test('a dead Node worker’s jobs are handed on, and a Node worker hands on those of a dead claim and adds its counters', async () => {
    await store.registerQueue(db, 'mixed', 10, 1000)
    const seen: number[] = []
    const mixed = defineJob('mixed', { handler: ({ payload }: Job<{ n: number }>) => seen.push(payload.n) })
    await send('mixed', { n: 1 })
    await send('mixed', { n: 2 })
    const [first] = await claimJobs('mixed', 1)
    await complete(first?.claim as string, null)
    await claimJobs('mixed', 1, '100 milliseconds')
    await withJobs(db, [mixed], async (jobs) => {
      await jobs.work({ pollMs: 20 })
      await eventually(() => expect(seen).toEqual([2]))
      await eventually(async () => expect(await count('jobs_outcomes')).toBe(0))
    })
    const worker = await store.addWorker(db, 'node', 100)
    const [{ lane } = { lane: 0 }] = await db.sql<{ lane: number }>`
      select l.lane from holdfast.jobs_lanes l join holdfast.jobs_queues q on q.id = l.queue where q.name = 'mixed' and l.priority = 1`
    await store.sendPlain(db, lane, '{"n": 3}')
    expect((await store.claim(db, worker, [lane], [0], [0], 1))[0]?.amount).toBe(1)
    await lapse()
    expect(only(await claimJobs('mixed')).payload).toEqual({ n: 3 })
  })

  test('a claim that is being completed in an open transaction does not stop the reapers', async () => {
    await send('open')
    await send('open')
    const held = only(await claimJobs('open', 1))
    only(await claimJobs('open', 1))
    await lapse()
    const client = await db.connectDirect()
    await client.query('begin')
    await client.query('select holdfast.complete_jobs($1)', [held.claim])
    expect(await store.reapWorkers(db, '0')).toBe(1)
    await client.query('commit')
    await client.end()
    expect(await count('jobs_ready')).toBe(1)
  })
})

describe.skipIf((await findPgBouncer()) === undefined)('through PgBouncer in transaction mode', () => {
  test('a claim is completed by another session', async () => {
    const pooler = await startPgBouncer(box.url, { mode: 'transaction', poolSize: 2 })
    const pooled = await connectTo({ url: pooler.url, heartbeatMs: 600_000 })
    try {
      const sent = await Promise.all(Array.from({ length: 40 }, async (_, n) => await send('pooled', n)))
      const claims = await Promise.all(
        Array.from({ length: 4 }, async () => await claimJobs('pooled', 10, '1 min', pooled)),
      )
      const done = await Promise.all(
        claims.flat().map(
          async ({ claim, id }) =>
            await pooled.tx(async (tx) => {
              await tx.sql`insert into effects values (${id})`
              await tx.sql`select holdfast.complete_jobs(${claim}, ${[id]}::bigint[])`
            }),
        ),
      )
      expect(done).toHaveLength(40)
      const effects = await db.sql<{ job: string }>`select job from effects order by job`
      expect(effects.map(({ job }) => job)).toEqual(sent.toSorted((a, b) => Number(a) - Number(b)))
    } finally {
      await pooled.close()
      await pooler.close()
    }
  })
})

const python = await findPython()
const program = fileURLToPath(new URL('any_language.py', import.meta.url))

// Debian: python3-psycopg.
describe.skipIf(python === undefined)('from Python, with psycopg', () => {
  const run = async (...args: string[]) => await runPython(python as string, program, args)
  const started: PythonProgram[] = []
  const hold = (lease: string) => {
    const child = startPython(python as string, program, ['hold', box.url, lease])
    started.push(child)
    return child
  }
  const receipts = async () => (await db.sql<{ id: number }>`select order_id as id from receipts`).map(({ id }) => id)
  beforeAll(async () => {
    await db.query('create table orders (id int generated always as identity primary key, event_id int not null)')
    await db.query('create table receipts (order_id int primary key)')
  })
  beforeEach(async () => {
    await db.query('delete from orders')
    await db.query('delete from receipts')
  })
  afterEach(async () => {
    for (const child of started.splice(0)) await child.kill()
  })

  test('a job exists exactly if the write beside it is committed', async () => {
    expect(await run('place_and_fail', box.url, '7')).toBe('rolled back')
    expect(await count('jobs_ready')).toBe(0)
    const order = Number((await run('place', box.url, '7')).split(' ')[1])
    expect(await db.sql`select id, event_id from orders`).toEqual([{ id: order, event_id: 7 }])
    expect(await db.sql`select body::jsonb as body from holdfast.jobs_ready`).toEqual([{ body: { order } }])
  })

  test('claimed, worked and completed, the write with the completion', async () => {
    const orders = []
    for (const event of ['1', '2', '3']) orders.push(Number((await run('place', box.url, event)).split(' ')[1]))
    expect(await run('work', box.url)).toBe('claimed 3')
    expect((await receipts()).toSorted()).toEqual(orders)
    expect(await run('work', box.url)).toBe('claimed 0')
    expect(await count('jobs_ready')).toBe(0)
    expect(await count('jobs_workers')).toBe(0)
  })

  test('a write that fails is rolled back, and the job has failed', async () => {
    const order = Number((await run('place', box.url, '1')).split(' ')[1])
    await db.sql`insert into receipts values (${order})`
    expect(await run('work', box.url)).toBe('claimed 1')
    const [row] = await db.sql<{ attempt: number; name: string }>`
      select attempt, errors -> 0 ->> 'name' as name from holdfast.jobs_later`
    expect(row).toEqual({ attempt: 2, name: 'UniqueViolation' })
  })

  test('claim, write and completion in one transaction', async () => {
    const order = Number((await run('place', box.url, '1')).split(' ')[1])
    expect(await run('work_in_one', box.url)).toMatch(/^completed \d+$/)
    expect(await receipts()).toEqual([order])
    expect(await count('jobs_ready')).toBe(0)
  })

  test('killed between claim and completion: the job runs again, once, after the lease', async () => {
    const order = Number((await run('place', box.url, '1')).split(' ')[1])
    const victim = hold('1 hour')
    expect(await victim.readLine()).toMatch(/^holds \d+$/)
    await victim.kill()
    expect(await run('work', box.url)).toBe('claimed 0')
    await db.query(`update holdfast.jobs_workers set seen_at = seen_at - interval '2 hours'`)
    await eventually(async () => expect(await run('work', box.url)).toBe('claimed 1'), { withinMs: 15_000 })
    expect(await receipts()).toEqual([order])
    expect(await count('jobs_ready')).toBe(0)
  })

  test('a zombie that completes after its lease is refused, and its write is rolled back', async () => {
    const order = Number((await run('place', box.url, '1')).split(' ')[1])
    const zombie = hold('1 second')
    await zombie.readLine()
    const next = await eventually(async () => only(await claimJobs('receipt')), { withinMs: 10_000, everyMs: 100 })
    zombie.write('go on')
    expect(await zombie.readLine()).toMatch(/^refused HF002 HF_JOBS_LOST/)
    expect(await receipts()).toEqual([])
    await db.tx(async (tx) => {
      await tx.sql`insert into receipts values (${order})`
      await tx.sql`select holdfast.complete_jobs(${next.claim}, ${[next.id]}::bigint[])`
    })
    expect(await receipts()).toEqual([order])
  })
})
