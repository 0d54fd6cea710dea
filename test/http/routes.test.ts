import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHttp, type HttpHandler, type NowDocument } from '../../src/http/index.js'
import { FakeDb } from './fake-db.js'
import { readCode, sendRaw, serve } from './servers.js'

const token = 'correct-horse-battery-staple'
const authorization = `Bearer ${token}`
let folder: string
let http: HttpHandler

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-dashboard-'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>Now</title>')
  await writeFile(join(folder, 'app.js'), 'export {}')
  await writeFile(join(folder, 'chunk-A1B2C3D4.js'), 'export {}')
  await writeFile(join(folder, 'notes.txt'), 'not served')
  http = createHttp(new FakeDb(), { token, dashboardDir: folder })
})

afterAll(async () => {
  http.close()
  await rm(folder, { recursive: true })
})

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return http.fetch(new Request(`http://db.example.com${path}`, { method, headers: { authorization, ...headers } }))
}

describe('every answer', () => {
  it.each(['/_holdfast/', '/_holdfast/api/now', '/_holdfast/metrics', '/_holdfast/nowhere', '/_holdfast/login.js'])(
    '%s is protected',
    async (path) => {
      const { headers } = await get(path)
      expect(headers.get('content-security-policy')).toContain("default-src 'self'")
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('access-control-allow-origin')).toBeNull()
    },
  )
})

describe('static files', () => {
  it('carry a strong tag for each encoding and answer 304', async () => {
    const plain = await get('/_holdfast/', { 'accept-encoding': 'identity' })
    const zipped = await get('/_holdfast/', { 'accept-encoding': 'br, gzip;q=0.8' })
    expect(await plain.text()).toBe('<!doctype html><title>Now</title>')
    expect(gunzipSync(Buffer.from(await zipped.arrayBuffer())).toString()).toBe('<!doctype html><title>Now</title>')
    expect(zipped.headers.get('content-encoding')).toBe('gzip')
    expect(zipped.headers.get('vary')).toBe('accept-encoding')
    const tag = plain.headers.get('etag') ?? ''
    expect(tag).toMatch(/^"[\w-]+"$/)
    expect(zipped.headers.get('etag')).not.toBe(tag)
    expect((await get('/_holdfast/', { 'if-none-match': `"x", W/${tag}` })).status).toBe(304)
    expect((await get('/_holdfast/', { 'if-none-match': '"x"' })).status).toBe(200)
    expect((await get('/_holdfast/', { 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding')).toBeNull()
  })

  it('are immutable only where the name holds a hash', async () => {
    expect((await get('/_holdfast/app.js')).headers.get('cache-control')).toBe('no-cache')
    expect((await get('/_holdfast/chunk-A1B2C3D4.js')).headers.get('cache-control')).toContain('immutable')
  })

  it.each([
    '/notes.txt',
    '/../package.json',
    '/..%2fpackage.json',
    '/%2e%2e/x',
    '/constructor',
    '/__proto__',
    '//app.js',
    '/app.js/',
  ])('nothing else is served: %s', async (path) => {
    const answer = await get(`/_holdfast${path}`)
    expect(answer.status).toBe(404)
    expect(readCode(await answer.text())).toBe('HF_HTTP_NOT_FOUND')
  })

  it('that were never built are a typed error, and found once they are there', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'holdfast-empty-'))
    const unbuilt = createHttp(new FakeDb(), { token, dashboardDir: empty })
    const request = (): Request => new Request('http://x/_holdfast/', { headers: { authorization } })
    try {
      expect(readCode(await (await unbuilt.fetch(request())).text())).toBe('HF_HTTP_DASHBOARD_MISSING')
      await writeFile(join(empty, 'index.html'), 'built')
      expect(await (await unbuilt.fetch(request())).text()).toBe('built')
    } finally {
      unbuilt.close()
      await rm(empty, { recursive: true })
    }
  })
})

describe('paths', () => {
  it('work below a prefix, and the way to the base is relative', async () => {
    expect((await get('/ops/_holdfast/api/now')).status).toBe(200)
    const moved = await get('/ops/_holdfast?theme=dark')
    expect([moved.status, moved.headers.get('location')]).toEqual([308, './_holdfast/?theme=dark'])
    const hostile = await http.fetch(new Request('http://db.example.com//evil.com/_holdfast'))
    expect(hostile.headers.get('location')).toBe('./_holdfast/')
  })

  it.each(['/', '/_holdfastx/api/now', '/x_holdfast'])('%s is not ours', async (path) => {
    expect(readCode(await (await get(path)).text())).toBe('HF_HTTP_NOT_FOUND')
  })

  it('HEAD has no body, other methods are refused by name', async () => {
    const head = await get('/_holdfast/api/now', {}, 'HEAD')
    expect([head.status, await head.text()]).toEqual([200, ''])
    const origin = { origin: 'http://db.example.com', 'x-holdfast-action': '1' }
    const answer = await get('/_holdfast/api/now', origin, 'DELETE')
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect(readCode(await answer.text())).toBe('HF_HTTP_METHOD')
    expect((await get('/_holdfast/api/login')).status).toBe(405)
  })

  it('another base is honoured', async () => {
    const other = createHttp(new FakeDb(), { token, basePath: 'admin/db/' })
    const answer = await other.fetch(new Request('http://x/admin/db/api/now', { headers: { authorization } }))
    other.close()
    expect(answer.status).toBe(200)
  })
})

describe('the API', () => {
  it('lists only pages that exist', async () => {
    expect(await (await get('/_holdfast/api/pages')).json()).toEqual({
      pages: [
        { name: 'now', title: 'Now', path: './' },
        { name: 'latency', title: 'Latency', path: './latency' },
        { name: 'queries', title: 'Queries', path: './queries' },
        { name: 'findings', title: 'Findings', path: './findings' },
        { name: 'clash', title: 'Clash', path: './clash' },
        { name: 'jobs', title: 'Jobs', path: './jobs' },
        { name: 'locks', title: 'Locks', path: './locks' },
        { name: 'sagas', title: 'Sagas', path: './sagas' },
      ],
      hasSession: false,
    })
  })

  it('describes this process', async () => {
    const now = (await (await get('/_holdfast/api/now')).json()) as NowDocument
    expect(now.instance).toMatchObject({ node: process.version, postgres: '18.4', pid: process.pid, poolMax: 10 })
    expect(now.instance.holdfast).toMatch(/^\d+\.\d+\.\d+/)
    expect(now.pool).toEqual({ max: 10, total: 4, busy: 0, idle: 4, waiting: 0, timeouts: 0 })
  })

  it('answers 503 after close', async () => {
    const closed = createHttp(new FakeDb(), { token })
    closed.close()
    expect((await closed.fetch(new Request('http://x/_holdfast/api/now'))).status).toBe(503)
  })
})

describe('node:http', () => {
  it('keeps the connection alive, takes absolute targets and does not resolve paths against hosts', async () => {
    const server = await serve((request, response) => void http.node(request, response))
    try {
      const first = await fetch(`${server.url}/_holdfast/api/now`, { headers: { authorization } })
      expect([first.status, first.headers.get('connection')]).toEqual([200, 'keep-alive'])
      await first.text()
      const { status } = await sendRaw(`${server.url}//evil.com/_holdfast/api/now`, { headers: { authorization } })
      expect(status).toBe(200)
    } finally {
      await server.close()
    }
  })
})
