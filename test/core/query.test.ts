import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../src/core/index.js'
import { eventually } from '../helpers/eventually.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase({ connect: { pool: { max: 2 }, acquireMs: 300 } })
})
afterAll(async () => await box.close())

async function countSleeping(): Promise<number> {
  const text = `select 1 from pg_stat_activity where datname = current_database() and state = 'active' and query like '%pg_sleep%'
    and pid <> pg_backend_pid()`
  return (await runAdmin(box.ownerUrl, text)).length
}

describe('query', () => {
  test('gives the driver’s result, with parameters', async () => {
    const result = await box.db.query<{ n: number }>('select $1::int + 1 as n', [41])
    expect(result.rows).toEqual([{ n: 42 }])
    expect(result.rowCount).toBe(1)
  })

  test('passes the server’s error on as it is, with a stack that leads to the caller', async () => {
    const error = await box.db.query('select 1/0').catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: '22012', severity: 'ERROR' })
    expect((error as Error).stack).toContain('query.test.ts')
  })

  test('refuses a misspelt option by naming the right one', async () => {
    const options = { deadlnMs: 5 } as object
    await expect(box.db.query('select 1', [], options)).rejects.toMatchObject({
      code: 'HF_OPTIONS_UNKNOWN',
      fix: 'Write `deadlineMs` instead of `deadlnMs`.',
    })
  })
})

describe('deadlines and aborts', () => {
  test('a statement past its deadline is cancelled on the server', async () => {
    const started = performance.now()
    await expect(box.db.query('select pg_sleep(10)', [], { deadlineMs: 50 })).rejects.toMatchObject({
      code: 'HF_QUERY_DEADLINE',
    })
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(await countSleeping()).toBe(0)
  })

  test('an abort cancels the statement on the server and gives the connection back', async () => {
    const caller = new AbortController()
    const query = box.db.query('select pg_sleep(10)', [], { signal: caller.signal })
    await eventually(async () => expect(await countSleeping()).toBe(1))
    caller.abort(new Error('the client left'))
    await expect(query).rejects.toMatchObject({ code: 'HF_QUERY_ABORTED', cause: { message: 'the client left' } })
    expect(await countSleeping()).toBe(0)
    expect(box.db.stats().pool.busy).toBe(0)
  })

  test('an aborted signal sends nothing', async () => {
    await expect(box.db.query('select 1', [], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'HF_QUERY_ABORTED',
    })
  })

  test('a statement that ends before its deadline leaves no timer that could cancel the next one', async () => {
    for (let n = 0; n < 200; n++) await box.db.query('select 1', [], { deadlineMs: 30 })
    await box.db.query('select pg_sleep(0.1)')
  })
})

describe('waiting for a connection', () => {
  test('ends at acquireMs with the numbers of the pool', async () => {
    // Both connections are open: on a busy machine to open one may take longer than there is to wait.
    await Promise.all([1, 2].map(async () => await box.db.query('select pg_sleep(0.05)')))
    const holders = [1, 2].map(async () => await box.db.query('select pg_sleep(0.8)'))
    await expect(box.db.query('select 1')).rejects.toMatchObject({
      code: 'HF_POOL_TIMEOUT',
      retryable: true,
      details: { busy: 2, max: 2, waiting: 1 },
    })
    await Promise.all(holders)
    expect(box.db.stats().pool).toMatchObject({ waiting: 0, busy: 0, timeouts: 1 })
  })

  test('ends at an abort, and the connection that arrives later is not lost', async () => {
    const holders = [1, 2].map(async () => await box.db.query('select pg_sleep(0.2)'))
    const caller = new AbortController()
    const waiting = box.db.query('select 1', [], { signal: caller.signal })
    caller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'HF_QUERY_ABORTED' })
    await Promise.all(holders)
    await eventually(() => expect(box.db.stats().pool.busy).toBe(0))
  })
})

test('a terminated backend is an error of ours, and the next statement gets a fresh connection', async () => {
  const sleeping = box.db.query('select pg_sleep(10)').catch((error: unknown) => error)
  await eventually(async () => expect(await countSleeping()).toBe(1))
  await runAdmin(
    box.ownerUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid()`,
  )
  const error = await sleeping
  expect(isHoldfastError(error, 'HF_QUERY_CONNECTION_LOST')).toBe(true)
  expect((await box.db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('an idle connection that the server ends does not end the process', async () => {
  await Promise.all([box.db.query('select 1'), box.db.query('select 1')])
  await runAdmin(
    box.ownerUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and state = 'idle' and pid <> pg_backend_pid()`,
  )
  await eventually(() => expect(box.db.stats().pool.total).toBe(0))
  expect((await box.db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})
