import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, request as sendRequest, type Server } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { createAdmission, type Admission } from '../../src/overload/index.js'
import { eventually } from '../helpers/eventually.js'
import { closeServer, listen, readCode, sendRaw, type RawAnswer } from '../http/servers.js'

/** Requests that have been begun and end when they are told to. */
class Held {
  readonly #ends: (() => void)[] = []
  readonly begun: string[] = []

  async hold(name: string): Promise<string> {
    this.begun.push(name)
    await new Promise<void>((resolve) => this.#ends.push(resolve))
    return `done ${name}`
  }

  /** Waits until so many in all have begun. */
  async waitFor(count: number): Promise<void> {
    await eventually(() => expect(this.begun).toHaveLength(count))
  }

  endFirst(): void {
    this.#ends.shift()?.()
  }

  endAll(): void {
    for (const end of this.#ends.splice(0)) end()
  }
}

type Serve = (admission: Admission, held: Held) => Promise<{ url: string; close: () => Promise<void> }>

async function serveOn(server: Server): Promise<{ url: string; close: () => Promise<void> }> {
  return { url: await listen(server), close: async () => await closeServer(server) }
}

const frameworks: Record<string, Serve> = {
  hono: async (admission, held) => {
    const app = new Hono()
    app.use(admission.hono())
    app.get('/health', (c) => c.text('ok'))
    app.all('/slow/:name', async (c) => c.text(await held.hold(c.req.param('name'))))
    return await serveOn(createAdaptorServer({ fetch: app.fetch }) as Server)
  },
  express: async (admission, held) => {
    const app = express()
    app.use(admission.express())
    app.get('/health', (_request, response) => void response.send('ok'))
    app.all('/slow/:name', async (request, response) => void response.send(await held.hold(request.params['name'])))
    return await serveOn(createServer(app))
  },
  fastify: async (admission, held) => {
    const app = fastify()
    await app.register(admission.fastify())
    app.get('/health', () => 'ok')
    app.all<{ Params: { name: string } }>('/slow/:name', async (request) => await held.hold(request.params.name))
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as { port: number }
    return {
      url: `http://127.0.0.1:${port}`,
      close: async () => {
        app.server.closeAllConnections()
        await app.close()
      },
    }
  },
  node: async (admission, held) =>
    await serveOn(
      createServer(
        admission.node(async (request, response) => {
          if (request.url === '/health') return void response.end('ok')
          if (request.url === '/slow/throws') throw new Error('broken')
          response.end(await held.hold(request.url?.split('/').at(-1) ?? ''))
        }),
      ),
    ),
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function open(name: string, admission: Admission): Promise<{ url: string; held: Held }> {
  const held = new Held()
  const { url, close } = await (frameworks[name] as Serve)(admission, held)
  closers.push(async () => {
    held.endAll()
    await close()
  })
  return { url, held }
}

const one = { maxConcurrent: 1, maxWaitMs: 60_000, graceMs: 60_000 } as const
const of = (client: string) => ({ headers: { 'x-client': client } })

describe.each(Object.keys(frameworks))('%s', (name) => {
  test('one at a time; the others wait, and beyond the queue they are refused as problem+json', async () => {
    const admission = createAdmission({ ...one, maxQueue: 1 })
    const { url, held } = await open(name, admission)
    const first = sendRaw(`${url}/slow/a`)
    await held.waitFor(1)
    const second = sendRaw(`${url}/slow/b`)
    await eventually(() => expect(admission.stats().queued).toBe(1))
    const refused = await sendRaw(`${url}/slow/c?q=1`, { method: 'POST', body: 'x' })
    expect(refused.status).toBe(503)
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(readCode(refused.body)).toBe('HF_OVERLOAD_SHED')
    expect((await sendRaw(`${url}/health`)).body).toBe('ok')
    held.endFirst()
    expect((await first).body).toBe('done a')
    await held.waitFor(2)
    held.endFirst()
    expect((await second).body).toBe('done b')
    await eventually(() => expect(admission.stats()).toMatchObject({ inFlight: 0, queued: 0 }))
    expect(admission.stats()).toMatchObject({ admitted: 2, exempt: 1, shed: { full: 1, late: 0 } })
  })

  test('a client that floods takes from its own share, and the others have their turn', async () => {
    const admission = createAdmission({ ...one, maxQueue: 3, clientHeader: 'x-client' })
    const { url, held } = await open(name, admission)
    const answers: Promise<RawAnswer>[] = [sendRaw(`${url}/slow/0`, of('flood'))]
    await held.waitFor(1)
    for (const n of [1, 2, 3]) {
      answers.push(sendRaw(`${url}/slow/${n}`, of('flood')))
      await eventually(() => expect(admission.stats().queued).toBe(n))
    }
    answers.push(sendRaw(`${url}/slow/meek`, of('meek')))
    // The newest of the flood makes room.
    expect((await (answers[3] as Promise<RawAnswer>)).status).toBe(503)
    for (const n of [2, 3, 4]) {
      held.endFirst()
      await held.waitFor(n)
    }
    held.endFirst()
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 503, 200])
    expect(held.begun).toEqual(['0', '1', 'meek', '2'])
    const { shed, clients } = admission.stats()
    expect(shed).toMatchObject({ share: 1 })
    expect(clients[0]).toMatchObject({ key: 'flood', shed: 1, admitted: 3 })
  })

  test('whoever leaves while waiting is not begun; nobody waits longer than may be', async () => {
    const admission = createAdmission({ ...one, maxWaitMs: 60 })
    const { url, held } = await open(name, admission)
    const first = sendRaw(`${url}/slow/a`)
    await held.waitFor(1)
    const leaving = sendRequest(`${url}/slow/b`, { agent: false })
    leaving.on('error', () => {})
    leaving.end()
    await eventually(() => expect(admission.stats().queued).toBe(1))
    leaving.destroy()
    await eventually(() => expect(admission.stats()).toMatchObject({ queued: 0, abandoned: 1 }))
    const late = await sendRaw(`${url}/slow/c`)
    expect(late.status).toBe(503)
    expect(admission.stats().shed.timeout).toBe(1)
    held.endFirst()
    expect((await first).status).toBe(200)
    expect(held.begun).toEqual(['a'])
  })

  test('a request that would be answered too late is refused, once it has been so for the grace', async () => {
    const admission = createAdmission({ ...one, deadlineMs: 1, graceMs: 0 })
    const { url, held } = await open(name, admission)
    const first = sendRaw(`${url}/slow/a`)
    await held.waitFor(1)
    const second = sendRaw(`${url}/slow/b`)
    await eventually(() => expect(admission.stats().queued).toBe(1))
    // Comes when the one before it has waited for too long already.
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect((await sendRaw(`${url}/slow/c`)).status).toBe(503)
    expect(admission.stats().isShedding).toBe(true)
    held.endFirst()
    expect((await first).status).toBe(200)
    expect((await second).status).toBe(503)
    expect(held.begun).toEqual(['a'])
    expect(admission.stats().shed.late).toBe(2)
  })
})

test('who has waited goes on in its own context', async () => {
  const storage = new AsyncLocalStorage<string>()
  const admission = createAdmission(one)
  const seen: (string | undefined)[] = []
  const held = new Held()
  const inner = admission.node(async (request, response) => {
    seen.push(storage.getStore())
    response.end(await held.hold(request.url ?? ''))
  })
  const { url, close } = await serveOn(
    createServer((request, response) => storage.run(request.url ?? '', () => inner(request, response))),
  )
  closers.push(close)
  const answers = [sendRaw(`${url}/a`)]
  await held.waitFor(1)
  answers.push(sendRaw(`${url}/b`))
  await eventually(() => expect(admission.stats().queued).toBe(1))
  held.endFirst()
  await held.waitFor(2)
  held.endFirst()
  await Promise.all(answers)
  expect(seen).toEqual(['/a', '/b'])
})

test('what a handler of node throws ends its request, and its place is free', async () => {
  const admission = createAdmission(one)
  const { url } = await open('node', admission)
  expect((await sendRaw(`${url}/slow/throws`)).status).toBe(500)
  await eventually(() => expect(admission.stats().inFlight).toBe(0))
})

describe('enter', () => {
  const request = { method: 'GET', path: '/', remoteAddress: '192.0.2.1', header: () => undefined }

  test('gives a place, in turn; a signal ends waiting', async () => {
    const admission = createAdmission(one)
    const leave = await admission.enter(request)
    const abort = new AbortController()
    const second = admission.enter(request, { signal: abort.signal })
    const third = admission.enter(request)
    abort.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    leave()
    leave()
    const leaveThird = await third
    expect(admission.stats()).toMatchObject({ inFlight: 1, abandoned: 1 })
    leaveThird()
    expect(admission.stats().inFlight).toBe(0)
    await expect(admission.enter(request, { signal: abort.signal })).rejects.toThrow('gone')
  })

  test('a refusal is an error of ours', async () => {
    const admission = createAdmission({ ...one, maxQueue: 1 })
    const leave = await admission.enter(request)
    const second = admission.enter(request)
    await expect(admission.enter(request)).rejects.toMatchObject({
      code: 'HF_OVERLOAD_SHED',
      status: 503,
      details: { reason: 'full' },
    })
    leave()
    ;(await second)()
  })

  test('options are checked; exempt paths may end in a star', async () => {
    expect(() => createAdmission({ maxQue: 1 } as never)).toThrow(/did you mean `maxQueue`/)
    const admission = createAdmission({ exempt: ['/internal/*', '/up'] })
    for (const path of ['/internal/a/b', '/up', '/internal', '/upper']) await admission.enter({ ...request, path })
    expect(admission.stats()).toMatchObject({ exempt: 2, inFlight: 2 })
  })
})
