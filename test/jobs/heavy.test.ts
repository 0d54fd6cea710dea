import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { defineJob, type JobDefinition, type Jobs, type JobStatus } from '../../src/jobs/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually as retry } from '../helpers/eventually.js'
import { withJobs } from '../helpers/jobs.js'

/** Processes start while other tests use the machine. */
const eventually = async <T>(attempt: () => T | Promise<T>) => await retry(attempt, { withinMs: 30_000 })

interface Payload {
  event: number
  steps: number
}

interface Message {
  started?: number
  from?: number
  attempt?: number
  waiting?: number
  ended?: number
}

let box: TestDatabase
const children = new Set<ChildProcess>()
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table steps (event int, n int)')
})
afterEach(async () => {
  for (const child of children) await kill(child)
  await box.db.query('truncate steps')
  for (const table of ['claims', 'workers', 'ready', 'waiting', 'later', 'results', 'progress', 'cancels'])
    await box.db.query(`delete from holdfast.jobs_${table}`)
})
afterAll(async () => await box.close())
vi.setConfig({ testTimeout: 90_000 })

async function kill(child: ChildProcess): Promise<void> {
  children.delete(child)
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function startProcess(options: { waitsAt?: number } = {}) {
  const file = fileURLToPath(new URL('./heavy-process.mjs', import.meta.url))
  const child = fork(file, [JSON.stringify({ url: box.url, ...options })])
  children.add(child)
  const messages: Message[] = []
  child.on('message', (message) => typeof message === 'object' && messages.push(message))
  await once(child, 'message')
  return { child, messages }
}

const heavy: JobDefinition<Payload> = defineJob<Payload>('heavy', { keepMs: 600_000, backoffMs: 10, handler: () => {} })
const withSender = async <T>(body: (jobs: Jobs) => Promise<T>) => await withJobs(box.db, [heavy], body)
const steps = async (event: number) =>
  (await box.db.sql<{ n: number }>`select n from steps where event = ${event} order by n`).map(({ n }) => n)

test('after kill -9 another process goes on from the checkpoint: each step is done once', async () => {
  await withSender(async (jobs) => {
    const first = await startProcess({ waitsAt: 7 })
    const { id } = await jobs.send(heavy, { event: 1, steps: 12 }, { key: '1' })
    await eventually(() => expect(first.messages).toContainEqual({ waiting: 1 }))
    expect(await jobs.status(id)).toMatchObject({ state: 'running', attempt: 1, isCancelling: false })
    const second = await startProcess()
    await kill(first.child)
    await eventually(() => expect(second.messages).toContainEqual({ ended: 1 }))
    expect(second.messages[0]).toEqual({ started: 1, from: 7, attempt: 1 })
    expect(await steps(1)).toEqual(Array.from({ length: 12 }, (_, n) => n))
    await eventually(async () =>
      expect(await jobs.status(id)).toMatchObject({
        state: 'succeeded',
        result: { steps: 12 },
        progress: { done: 12, total: 12, note: 'step 12' },
      }),
    )
    expect((await box.db.query('select from holdfast.jobs_progress')).rowCount).toBe(0)
  })
})

test('of one key one runs, in all processes together; another key runs beside it', async () => {
  await withSender(async (jobs) => {
    const processes = [await startProcess({ waitsAt: 1 }), await startProcess({ waitsAt: 1 })]
    const messages = () => processes.flatMap((each) => each.messages)
    const waiting = (event: number) => messages().filter((message) => message.waiting === event).length
    const a = await jobs.send(heavy, { event: 1, steps: 1_000 }, { key: 'event:1' })
    await eventually(() => expect(waiting(1)).toBe(1))
    const b = await jobs.send(heavy, { event: 1, steps: 1_000 }, { key: 'event:1' })
    const c = await jobs.send(heavy, { event: 2, steps: 1_000 }, { key: 'event:2' })
    await eventually(() => expect(waiting(2)).toBe(1))
    await eventually(async () => expect((await jobs.status(b.id))?.waits).toMatchObject([{ code: 'key-taken' }]))
    expect(messages().filter(({ started }) => started === 1)).toHaveLength(1)

    // Its end gives the key to the next one.
    expect(await jobs.cancel(a.id)).toBe('asked')
    await eventually(async () => expect(await jobs.status(a.id)).toMatchObject({ state: 'cancelled', attempt: 1 }))
    await eventually(() => expect(messages().filter(({ started }) => started === 1)).toHaveLength(2))
    for (const { id } of [b, c]) await jobs.cancel(id)
    for (const { id } of [b, c]) await eventually(async () => expect((await jobs.status(id))?.state).toBe('cancelled'))
  })
})

test('whoever watches sees a job of another process run, move and end', async () => {
  await withSender(async (jobs) => {
    const { id } = await jobs.send(heavy, { event: 3, steps: 3 })
    const seen: JobStatus[] = []
    const watching = (async () => {
      for await (const status of jobs.watch(id, { pollMs: 600_000 })) seen.push(status)
    })()
    await eventually(() => expect(seen[0]).toMatchObject({ state: 'waiting' }))
    await startProcess()
    // No look but those that notifications bring about: polling is an hour away.
    await watching
    expect(seen.at(-1)).toMatchObject({ state: 'succeeded', progress: { done: 3, total: 3 }, result: { steps: 3 } })
  })
})

test('a job that is to end, and whose worker is killed before it does, does not run again', async () => {
  await withSender(async (jobs) => {
    const first = await startProcess({ waitsAt: 0 })
    const { id } = await jobs.send(heavy, { event: 4, steps: 2 })
    await eventually(() => expect(first.messages).toContainEqual({ waiting: 4 }))
    // Stopped, it can hear nothing.
    first.child.kill('SIGSTOP')
    expect(await jobs.cancel(id)).toBe('asked')
    expect(await jobs.status(id)).toMatchObject({ state: 'running', isCancelling: true })
    await kill(first.child)
    // Until somebody works, nobody carries it out: it is handed on, and found again by upkeep.
    await eventually(async () => {
      await jobs.tick()
      expect(await jobs.status(id)).toMatchObject({ state: 'cancelled' })
    })
    const second = await startProcess()
    await jobs.send(heavy, { event: 5, steps: 1 })
    await eventually(() => expect(second.messages).toContainEqual({ ended: 5 }))
    expect(second.messages.some(({ started }) => started === 4)).toBe(false)
    expect(await steps(4)).toEqual([])
    expect((await box.db.query('select from holdfast.jobs_cancels')).rowCount).toBe(0)
  })
})
