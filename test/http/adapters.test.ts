import { serve as serveHono, type HttpBindings } from '@hono/node-server'
import express, { type NextFunction, type Request as ExpressRequest, type Response as ExpressResponse } from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { currentRequest } from '../../src/core/index.js'
import {
  createHttp,
  expressContext,
  fastifyContext,
  honoContext,
  nodeContext,
  type HttpHandler,
} from '../../src/http/index.js'
import { FakeDb } from './fake-db.js'
import { closeServer, listen, sendRaw } from './servers.js'

const token = 'correct-horse-battery-staple'
const madeId = /^[0-9a-f]{32}$/

let db: FakeDb
let http: HttpHandler
let closers: (() => Promise<unknown> | void)[]
let errors: ReturnType<typeof vi.spyOn>

beforeEach(() => {
  db = new FakeDb()
  http = createHttp(db, { token })
  closers = [() => http.close()]
  errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
})

afterEach(async () => {
  for (const close of closers.reverse()) await close()
  vi.restoreAllMocks()
})

/** What a handler sees of its request, before and after giving up the thread. */
async function describeContext(): Promise<{ before: string | undefined; after: string | undefined }> {
  const before = currentRequest()?.requestId
  await setImmediate()
  await Promise.resolve()
  return { before, after: currentRequest()?.requestId }
}

async function startServer(server: Server): Promise<string> {
  closers.push(() => closeServer(server))
  return listen(server)
}

async function startHono(): Promise<string> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.use(honoContext(db))
  app.get('/orders/:id', async (c) => c.json(await describeContext()))
  app.post('/orders', async (c) => c.json({ sent: await c.req.json<unknown>(), ...(await describeContext()) }))
  app.get('/missing/:id', (c) => c.json({}, 404))
  app.get('/boom/:id', () => {
    throw new Error('boom')
  })
  const sub = new Hono()
  sub.use('*', async (_c, next) => next())
  sub.get('/:id', async (c) => c.json(await describeContext()))
  app.route('/tenants/:tenant/users', sub)
  app.all('/_holdfast/*', (c) => http.fetch(c.req.raw, { remoteAddress: c.env.incoming.socket.remoteAddress }))
  app.all('/ops/_holdfast/*', (c) => http.fetch(c.req.raw, { remoteAddress: c.env.incoming.socket.remoteAddress }))
  const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  closers.push(() => closeServer(server))
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function startExpress(): Promise<string> {
  const app = express()
  app.use(expressContext(db))
  app.use(express.json())
  app.get('/orders/:id', async (_request, response) => void response.json(await describeContext()))
  app.post('/orders', async (request, response) => {
    response.json({ sent: request.body as unknown, ...(await describeContext()) })
  })
  app.get('/missing/:id', (_request, response) => void response.status(404).json({}))
  const sub = express.Router()
  sub.get('/:id', async (_request, response) => void response.json(await describeContext()))
  sub.get('/boom/:id', () => {
    throw new Error('boom')
  })
  app.use('/tenants/:tenant/users', sub)
  app.get('/boom/:id', () => {
    throw new Error('boom')
  })
  app.use('/ops', (request, response) => http.node(request, response))
  app.use((request, response, next) => (request.path.startsWith('/_holdfast') ? http.node(request, response) : next()))
  app.use((_error: unknown, _request: ExpressRequest, response: ExpressResponse, _next: NextFunction) => {
    response.status(500).json({})
  })
  return startServer(createServer(app))
}

async function startFastify(): Promise<string> {
  const app = fastify({ forceCloseConnections: true })
  app.register(fastifyContext(db))
  app.get('/orders/:id', () => describeContext())
  app.post('/orders', async (request) => ({ sent: request.body, ...(await describeContext()) }))
  app.get('/missing/:id', async (_request, reply) => reply.code(404).send({}))
  app.get('/boom/:id', () => Promise.reject(new Error('boom')))
  app.register(async (sub) => void sub.get('/:id', () => describeContext()), { prefix: '/tenants/:tenant/users' })
  for (const path of ['/_holdfast/*', '/ops/_holdfast/*']) {
    app.all(path, (request, reply) => {
      reply.hijack()
      return http.node(request.raw, reply.raw)
    })
  }
  closers.push(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

function startNode(): Promise<string> {
  const routes = [
    /^\/orders\/[^/]+$/,
    /^\/orders$/,
    /^\/missing\/[^/]+$/,
    /^\/boom\/[^/]+$/,
    /^\/tenants\/[^/]+\/users\/[^/]+$/,
  ]
  const names = ['/orders/:id', '/orders', '/missing/:id', '/boom/:id', '/tenants/:tenant/users/:id']
  const find = (url = ''): string | undefined => names[routes.findIndex((route) => route.test(url))]
  const handler = nodeContext(
    db,
    async (request, response) => {
      if (request.url?.includes('/_holdfast') === true) return http.node(request, response)
      const name = find(request.url)
      if (name === '/boom/:id') throw new Error('boom')
      let text = ''
      for await (const chunk of request) text += String(chunk)
      response.statusCode = name === undefined || name === '/missing/:id' ? 404 : 200
      const sent = text === '' ? {} : { sent: JSON.parse(text) as unknown }
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ ...sent, ...(await describeContext()) }))
    },
    {
      routeOf: (request) => {
        const name = find(request.url)
        return name === undefined ? undefined : `${request.method} ${name}`
      },
    },
  )
  return startServer(createServer(handler))
}

describe.each([
  ['hono', startHono],
  ['express', startExpress],
  ['fastify', startFastify],
  ['node:http', startNode],
])('%s', (name, start) => {
  let url: string

  beforeEach(async () => {
    url = await start()
  })

  async function lastRoute(count = 1): Promise<[string, number]> {
    const context = (await db.waitForEnded(count))[count - 1]
    return [context?.route ?? '', context?.status ?? 0]
  }

  it('shows the context to the handler, before and after it waits', async () => {
    const answer = await fetch(`${url}/orders/42`, { headers: { 'x-request-id': 'req-7' } })
    expect(answer.headers.get('x-request-id')).toBe('req-7')
    expect(await answer.json()).toEqual({ before: 'req-7', after: 'req-7' })
    expect(await lastRoute()).toEqual(['GET /orders/:id', 200])
    expect(db.routes.get('GET /orders/:id')).toMatchObject({ count: 1, errors: 0 })
  })

  it('shows it also after a body was parsed', async () => {
    const answer = await fetch(`${url}/orders`, {
      method: 'POST',
      headers: { 'x-request-id': 'req-8', 'content-type': 'application/json' },
      body: '{"seat":1}',
    })
    expect(await answer.json()).toEqual({ sent: { seat: 1 }, before: 'req-8', after: 'req-8' })
    expect(await lastRoute()).toEqual(['POST /orders', 200])
  })

  it('keeps many requests at once apart', async () => {
    const ids = Array.from({ length: 30 }, (_, i) => `many-${i}`)
    const seen = await Promise.all(
      ids.map(async (id) => (await fetch(`${url}/orders/${id}`, { headers: { 'x-request-id': id } })).json()),
    )
    expect(seen).toEqual(ids.map((id) => ({ before: id, after: id })))
    expect(currentRequest()).toBeUndefined()
  })

  it.each(['', 'x'.repeat(129), 'has space', 'tab\there', 'ümlaut'])('replaces the unusable id %j', async (id) => {
    const { headers } = await sendRaw(`${url}/orders/1`, {
      headers: { 'x-request-id': Buffer.from(id).toString('latin1') },
    })
    expect(headers['x-request-id']).toMatch(madeId)
  })

  it('names the pattern below a prefix and never a value', async () => {
    await (await fetch(`${url}/tenants/acme/users/42`)).text()
    expect(await lastRoute()).toEqual(['GET /tenants/:tenant/users/:id', 200])
  })

  it('counts what matched nothing in one row, and a 404 of a route in its own', async () => {
    for (const path of ['/wp-admin.php', '/a/b/c?x=1']) await (await fetch(url + path)).text()
    expect(await lastRoute(2)).toEqual(['(unmatched)', 404])
    await (await fetch(`${url}/missing/9`)).text()
    expect(await lastRoute(3)).toEqual(['GET /missing/:id', 404])
    expect([...db.routes.keys()]).toEqual(['(unmatched)', 'GET /missing/:id'])
  })

  it('counts a thrown error as an error of its route', async () => {
    const answer = await fetch(`${url}/boom/1`, { headers: { 'x-request-id': 'req-9' } })
    expect([answer.status, answer.headers.get('x-request-id')]).toEqual([500, 'req-9'])
    expect(await answer.text()).not.toContain('at ')
    expect(await lastRoute()).toEqual(['GET /boom/:id', 500])
    expect(db.routes.get('GET /boom/:id')?.errors).toBe(1)
  })

  it.each(['', '/ops'])('serves the dashboard mounted at "%s" and keeps it out of the figures', async (prefix) => {
    const base = `${url}${prefix}/_holdfast`
    expect((await fetch(`${base}/api/now`)).status).toBe(401)
    const answer = await fetch(`${base}/api/now`, { headers: { authorization: `Bearer ${token}` } })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ instance: { pid: process.pid }, routes: [] })
    expect(answer.headers.get('x-request-id')).toMatch(madeId)
    expect((await lastRoute(2))[0]).toBe('(holdfast)')
  })

  it('logs in over JSON or, where a framework ate the body, with a header', async () => {
    const base = `${url}/_holdfast/api/login`
    const headers = { origin: url, 'x-holdfast-action': '1' }
    const asJson = await fetch(base, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    })
    expect(asJson.status).toBe(name === 'fastify' ? 400 : 204)
    const asHeader = await fetch(base, { method: 'POST', headers: { ...headers, authorization: `Bearer ${token}` } })
    expect([asHeader.status, asHeader.headers.get('set-cookie')]).toEqual([
      204,
      expect.stringContaining('; Path=/_holdfast;'),
    ])
  })

  it('streams live figures and notices that the client left', async () => {
    const leave = new AbortController()
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${url}/_holdfast/api/live`, { headers, signal: leave.signal })
    const reader = answer.body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('retry')
    leave.abort()
    expect((await lastRoute())[0]).toBe('(holdfast)')
  })

  it('ends the context when the client goes away in the middle', async () => {
    const { port } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write('GET /_holdfast/api/live HTTP/1.1\r\nHost: localhost\r\n')
    socket.write(`Authorization: Bearer ${token}\r\n\r\n`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    expect((await lastRoute())[0]).toBe('(holdfast)')
    expect(db.ended).toHaveLength(1)
  })
})

describe('express', () => {
  it('keeps the prefix of a route whose error left its router', async () => {
    const url = await startExpress()
    await (await fetch(`${url}/tenants/acme/users/boom/1`)).text()
    const [context] = await db.waitForEnded(1)
    expect([context?.route, context?.status]).toEqual(['GET /tenants/:tenant/users/boom/:id', 500])
  })
})

describe('hono without a node server', () => {
  it('counts when the handlers are done', async () => {
    const app = new Hono()
    app.use(honoContext(db))
    app.get('/orders/:id', async (c) => c.json(await describeContext()))
    const answer = await app.request('/orders/5')
    expect(answer.headers.get('x-request-id')).toMatch(madeId)
    expect(db.ended[0]).toMatchObject({ route: 'GET /orders/:id', status: 200 })
  })
})

describe('node:http', () => {
  it('turns what a handler throws into problem+json and logs it once', async () => {
    const url = await startNode()
    const answer = await fetch(`${url}/boom/1`)
    expect(await answer.json()).toMatchObject({
      code: 'HF_HTTP_INTERNAL',
      requestId: expect.stringMatching(madeId) as string,
    })
    expect(errors).toHaveBeenCalledTimes(1)
  })
})
