import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createJobEndpoints, type JobEndpoints } from '../../src/http/index.js'
import { createJobs, defineJob, type JobDefinition, type Jobs } from '../../src/jobs/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { defer, quietLogger } from '../helpers/jobs.js'
import { closeServer, listen } from './servers.js'

interface Shown {
  id: string
  state: string
  isCancelling?: boolean
  progress?: { done: number }
  result?: unknown
  code?: string
}

let box: TestDatabase
let jobs: Jobs
let endpoints: JobEndpoints
let gate: ReturnType<typeof defer<void>>
const kept = { keepMs: 3_600_000, attempts: 1 }
const report: JobDefinition<object> = defineJob<object>('report', {
  ...kept,
  handler: async ({ progress, signal }) => {
    progress(1, 2, 'half')
    await Promise.race([
      gate.promise,
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    ])
    progress(2, 2)
    return { sold: 42 }
  },
})
const failing: JobDefinition<object> = defineJob<object>('failing', {
  ...kept,
  handler: () => {
    throw new Error('select secret from vault')
  },
})
const fleeting: JobDefinition<object> = defineJob<object>('fleeting', { handler: async () => await gate.promise })
const internal: JobDefinition<object> = defineJob<object>('internal', { ...kept, handler: () => {} })

beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())
beforeEach(async () => {
  gate = defer()
  jobs = await createJobs(box.db, { jobs: [report, failing, fleeting, internal], logger: quietLogger })
  endpoints = createJobEndpoints(jobs, {
    only: [report, failing, fleeting],
    basePath: '/reports',
    allows: (request) => request.headers.get('x-user') !== 'eve',
    maxStreams: 2,
  })
})
afterEach(async () => {
  gate.resolve()
  endpoints.close()
  await jobs.close()
  for (const table of ['ready', 'results', 'dead', 'progress']) await box.db.query(`delete from holdfast.jobs_${table}`)
})

const ask = async (path: string, init: RequestInit = {}) =>
  await endpoints.fetch(new Request(`http://box.example/api/reports/${path}`, init))
const read = async (path: string, init?: RequestInit) => {
  const answer = await ask(path, init)
  return { status: answer.status, body: (await answer.json()) as Shown, headers: answer.headers }
}

/** Reads server-sent events one by one. */
async function* readEvents(answer: Response): AsyncGenerator<{ id: string | undefined; shown: Shown }> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const data = lines.find((line) => line.startsWith('data: '))
      const id = lines.find((line) => line.startsWith('id: '))?.slice(4)
      if (data) yield { id, shown: JSON.parse(data.slice(6)) as Shown }
    }
  }
}

async function nextWhere(events: ReturnType<typeof readEvents>, isWanted: (shown: Shown) => boolean) {
  for (;;) {
    const { value, done } = await events.next()
    if (done || isWanted(value.shown)) return value
  }
}

describe('202 and what follows', () => {
  it('answers with the address of the status, which tells how the job stands until it has ended', async () => {
    const { id } = await jobs.send(report, {})
    const accepted = endpoints.accept(id)
    expect(accepted.status).toBe(202)
    expect(accepted.headers.get('location')).toBe(`/reports/${id}`)
    expect(await accepted.json()).toEqual({ id, status: `/reports/${id}`, events: `/reports/${id}/events` })

    const waiting = await read(id)
    expect(waiting).toMatchObject({ status: 200, body: { id, state: 'waiting', links: { status: `/reports/${id}` } } })
    expect(waiting.headers.get('retry-after')).toBe('1')
    expect(waiting.headers.get('cache-control')).toBe('no-store')
    expect((await ask(id, { method: 'HEAD' })).body).toBeNull()

    await jobs.work()
    await eventually(async () =>
      expect((await read(id)).body).toMatchObject({ state: 'running', progress: { done: 1, total: 2, note: 'half' } }),
    )
    gate.resolve()
    await eventually(async () => expect((await read(id)).body).toMatchObject({ state: 'succeeded' }))
    const { body, headers } = await read(id)
    expect(body).toMatchObject({ result: { sold: 42 }, progress: { done: 2 } })
    expect(headers.has('retry-after')).toBe(false)
  })

  it('sends events until the job has ended; whoever comes back afterwards is told that there is nothing more', async () => {
    const { id } = await jobs.send(report, {})
    const answer = await ask(`${id}/events`, { headers: { 'last-event-id': 'what ever' } })
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    const events = readEvents(answer)
    expect((await events.next()).value).toMatchObject({ shown: { state: 'waiting' } })
    await jobs.work()
    expect(await nextWhere(events, ({ progress }) => progress?.done === 1)).toMatchObject({
      shown: { state: 'running' },
    })
    gate.resolve()
    const last = await nextWhere(events, ({ state }) => state === 'succeeded')
    expect(last).toMatchObject({ id: 'end', shown: { result: { sold: 42 }, progress: { done: 2 } } })
    expect((await events.next()).done).toBe(true)

    expect((await ask(`${id}/events`, { headers: { 'last-event-id': 'end' } })).status).toBe(204)
    expect(await nextWhere(readEvents(await ask(`${id}/events`)), () => true)).toMatchObject({ id: 'end' })
  })

  it('of a job that is not kept it tells that it is gone', async () => {
    const { id } = await jobs.send(fleeting, {})
    const events = readEvents(await ask(`${id}/events`))
    await events.next()
    await jobs.work()
    gate.resolve()
    expect(await nextWhere(events, ({ state }) => state === 'gone')).toEqual({
      id: 'end',
      shown: { id, state: 'gone' },
    })
    expect((await read(id)).status).toBe(404)
  })

  it('of a job that died it tells that, and nothing of its error', async () => {
    const { id } = await jobs.send(failing, {})
    await jobs.work()
    await eventually(async () => expect((await read(id)).body.state).toBe('dead'))
    expect(await (await ask(id)).text()).not.toContain('secret')
  })
})

describe('DELETE', () => {
  it('cancels a job that waits, asks one that runs, and refuses when it has ended otherwise', async () => {
    const waits = await jobs.send(report, {}, { delayMs: 3_600_000 })
    expect(await read(waits.id, { method: 'DELETE' })).toMatchObject({ status: 200, body: { state: 'cancelled' } })
    expect(await read(waits.id, { method: 'DELETE' })).toMatchObject({ status: 200, body: { state: 'cancelled' } })

    const runs = await jobs.send(report, {})
    const events = readEvents(await ask(`${runs.id}/events`))
    await jobs.work()
    await nextWhere(events, ({ progress }) => progress?.done === 1)
    const asked = await read(runs.id, { method: 'DELETE' })
    expect(asked.status).toBe(202)
    expect(await nextWhere(events, ({ state }) => state === 'cancelled')).toMatchObject({ id: 'end' })

    const ended = await jobs.send(report, {})
    gate.resolve()
    await eventually(async () => expect((await read(ended.id)).body.state).toBe('succeeded'))
    expect(await read(ended.id, { method: 'DELETE' })).toMatchObject({
      status: 409,
      body: { code: 'HF_HTTP_JOB_ENDED' },
    })
    expect(await read('999999', { method: 'DELETE' })).toMatchObject({ status: 404 })
  })
})

describe('what is not answered', () => {
  it('ids of nobody, of other kinds, of other people; other paths and methods', async () => {
    const { id } = await jobs.send(report, {})
    const other = await jobs.send(internal, {})
    for (const path of ['999999', other.id, `${other.id}/events`])
      expect(await read(path)).toMatchObject({ status: 404, body: { code: 'HF_HTTP_JOB_NOT_FOUND' } })
    for (const init of [{}, { method: 'DELETE' }])
      expect(await read(id, { ...init, headers: { 'x-user': 'eve' } })).toMatchObject({
        status: 404,
        body: { code: 'HF_HTTP_JOB_NOT_FOUND' },
      })
    expect(await jobs.status(id)).toMatchObject({ state: 'waiting' })
    for (const path of ['', 'abc', `${id}/else`, '1'.repeat(19)])
      expect(await read(path)).toMatchObject({ status: 404, body: { code: 'HF_HTTP_NOT_FOUND' } })
    const posted = await read(id, { method: 'POST' })
    expect(posted).toMatchObject({ status: 405, body: { code: 'HF_HTTP_METHOD' } })
    expect(posted.headers.get('allow')).toBe('GET, HEAD, DELETE')
  })

  it('more streams than allowed', async () => {
    const { id } = await jobs.send(report, {})
    const open = [await ask(`${id}/events`), await ask(`${id}/events`)]
    expect(await read(`${id}/events`)).toMatchObject({ status: 503, body: { code: 'HF_HTTP_TOO_MANY_STREAMS' } })
    await open[0]?.body?.cancel()
    const again = await ask(`${id}/events`)
    expect(again.status).toBe(200)
    endpoints.close()
    for await (const event of readEvents(again)) expect(event.shown.state).toBe('waiting')
  })
})

it('a client that leaves ends its stream, over a real connection', async () => {
  const server = createAdaptorServer({ fetch: (request) => endpoints.fetch(request) }) as Server
  const url = await listen(server)
  try {
    const { id } = await jobs.send(report, {})
    const leaving = new AbortController()
    const open = await fetch(`${url}/reports/${id}/events`, { signal: leaving.signal })
    const second = await fetch(`${url}/reports/${id}/events`)
    expect((await fetch(`${url}/reports/${id}/events`)).status).toBe(503)
    expect(open.status).toBe(200)
    leaving.abort()
    await eventually(async () => {
      const answer = await fetch(`${url}/reports/${id}/events`)
      await answer.body?.cancel()
      expect(answer.status).toBe(200)
    })
    await second.body?.cancel()
  } finally {
    await closeServer(server)
  }
})
