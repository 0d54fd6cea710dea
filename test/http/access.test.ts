import { afterEach, describe, expect, it, vi } from 'vitest'
import { createHttp, type HttpHandler, type HttpOptions } from '../../src/http/index.js'
import { createTokenKeeper, readSessionCookies } from '../../src/http/session.js'
import { FakeDb } from './fake-db.js'
import { readCode, sendRaw, serve } from './servers.js'

const token = 'correct-horse-battery-staple'
const origin = 'http://localhost:3000'
const loopback = { remoteAddress: '127.0.0.1' }
const open: HttpHandler[] = []

function make(options: HttpOptions = {}, env: Record<string, string> = {}): HttpHandler {
  for (const name of ['HOLDFAST_TOKEN', 'HOLDFAST_DEV', 'NODE_ENV']) vi.stubEnv(name, env[name] ?? '')
  const http = createHttp(new FakeDb(), options)
  open.push(http)
  return http
}

afterEach(() => {
  vi.unstubAllEnvs()
  for (const http of open.splice(0)) http.close()
})

function ask(path: string, headers: Record<string, string> = {}, method = 'GET', body?: string): Request {
  const init = body === undefined ? { method } : { method, body }
  return new Request(`${origin}/_holdfast${path}`, { ...init, headers: { host: 'localhost:3000', ...headers } })
}

function act(path: string, headers: Record<string, string> = {}, body?: string): Request {
  return ask(path, { origin, 'x-holdfast-action': '1', 'content-type': 'application/json', ...headers }, 'POST', body)
}

async function refusal(answer: Promise<Response>): Promise<string> {
  const { status, headers, text } = await answer.then(async (got) => ({
    status: got.status,
    headers: got.headers,
    text: await got.text(),
  }))
  expect(headers.get('content-type')).toContain('application/problem+json')
  return `${status} ${readCode(text)}`
}

describe('without a token', () => {
  const dev = { HOLDFAST_DEV: '1', NODE_ENV: 'development' }

  it.each(['/api/now', '/metrics', '/api/pages'])('%s answers under holdfast dev to this machine', async (path) => {
    expect((await make({}, dev).fetch(ask(path), loopback)).status).toBe(200)
  })

  it.each([
    ['not started by holdfast dev', {}, loopback, {}],
    ['HOLDFAST_DEV=0', { HOLDFAST_DEV: '0' }, loopback, {}],
    ['in production', { HOLDFAST_DEV: '1', NODE_ENV: 'production' }, loopback, {}],
    ['from an unknown peer', dev, {}, {}],
    ['from another machine', dev, { remoteAddress: '192.168.1.7' }, {}],
    ['for a rebound name', dev, loopback, { host: 'rebind.evil.com:3000' }],
    ['for a name that begins like ours', dev, loopback, { host: 'localhost.evil.com' }],
    ['through a proxy', dev, loopback, { 'x-forwarded-for': '127.0.0.1' }],
    ['through two proxies', dev, loopback, { 'X-Forwarded-For': '127.0.0.1, 127.0.0.1' }],
    ['through nginx', dev, loopback, { 'X-Real-IP': '127.0.0.1' }],
    ['with Forwarded', dev, loopback, { Forwarded: 'for=127.0.0.1' }],
    ['with Via', dev, loopback, { Via: '1.1 tunnel' }],
  ])('nothing answers %s', async (_case, env, peer, headers) => {
    const http = make({}, env)
    for (const path of ['/', '/api/now', '/api/live', '/metrics', '/api/pages', '/unknown']) {
      expect(await refusal(http.fetch(ask(path, headers), peer))).toBe('403 HF_HTTP_NO_TOKEN')
    }
  })

  it('the refusal names the option and the variable', async () => {
    const answer = await make().fetch(ask('/api/now'))
    expect(((await answer.json()) as { fix: string }).fix).toMatch(/HOLDFAST_TOKEN.*createHttp\(db, \{ token \}\)/)
  })

  it('an absolute request target does not lend its name to another Host', async () => {
    const request = new Request('http://evil.com/_holdfast/api/now', { headers: { host: 'localhost' } })
    expect(await refusal(make({}, dev).fetch(request, loopback))).toBe('403 HF_HTTP_NO_TOKEN')
  })

  it('a change still needs its origin and header', async () => {
    const http = make({}, dev)
    expect(await refusal(http.fetch(ask('/api/logout', {}, 'POST'), loopback))).toBe('403 HF_HTTP_ORIGIN')
    expect((await http.fetch(act('/api/logout'), loopback)).status).toBe(204)
  })
})

describe('with a token', () => {
  it('takes it from the option, then the environment; blank counts as none', async () => {
    const bearer = { authorization: `Bearer ${token}` }
    expect((await make({ token }).fetch(ask('/api/now', bearer))).status).toBe(200)
    expect((await make({}, { HOLDFAST_TOKEN: `${token}\n` }).fetch(ask('/api/now', bearer))).status).toBe(200)
    expect(await refusal(make({ token: '  ' }).fetch(ask('/api/now', bearer)))).toBe('403 HF_HTTP_NO_TOKEN')
  })

  it.each([
    'Bearer wrong',
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    `Basic ${token}`,
    token,
    'Bearer',
    'Bearer  ',
  ])('refuses Authorization: %s', async (authorization) => {
    expect(await refusal(make({ token }).fetch(ask('/metrics', { authorization }), loopback))).toBe(
      '401 HF_HTTP_UNAUTHORIZED',
    )
  })

  it('takes the scheme in any case', async () => {
    expect((await make({ token }).fetch(ask('/metrics', { AUTHORIZATION: `bearer ${token}` }))).status).toBe(200)
  })

  it('shows a browser the login page and a program the problem', async () => {
    const http = make({ token })
    const page = await http.fetch(ask('/', { accept: 'text/html,*/*', 'sec-fetch-mode': 'navigate' }))
    expect(page.status).toBe(401)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(await page.text()).not.toMatch(/<script>|<style>|style=|onclick/)
    expect(await refusal(http.fetch(ask('/api/now', { accept: 'text/html' })))).toBe('401 HF_HTTP_UNAUTHORIZED')
    expect(await refusal(http.fetch(ask('/app.js', { 'sec-fetch-mode': 'no-cors' })))).toBe('401 HF_HTTP_UNAUTHORIZED')
  })
})

describe('the login', () => {
  async function logIn(http: HttpHandler, headers: Record<string, string> = {}): Promise<string> {
    const answer = await http.fetch(act('/api/login', headers, JSON.stringify({ token })))
    expect(answer.status).toBe(204)
    return answer.headers.get('set-cookie') ?? ''
  }

  it('gives a cookie that opens the dashboard and does not hold the token', async () => {
    const http = make({ token })
    const cookie = await logIn(http)
    expect(cookie).toMatch(/^holdfast_session=[^;]+; Path=\/_holdfast; Max-Age=\d+; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(token)
    const [pair = ''] = cookie.split(';')
    expect((await http.fetch(ask('/api/now', { cookie: pair }))).status).toBe(200)
    // A cookie planted beside it must not lock the real one out.
    expect((await http.fetch(ask('/api/now', { cookie: `holdfast_session=planted; ${pair}` }))).status).toBe(200)
  })

  it('takes a form too, and only the right token', async () => {
    const http = make({ token })
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await http.fetch(act('/api/login', form, `token=${token}`))).status).toBe(204)
    for (const body of ['{"token":"wrong"}', '{}', '{"token":5}', '[]', 'null']) {
      expect(await refusal(http.fetch(act('/api/login', {}, body)))).toBe('401 HF_HTTP_UNAUTHORIZED')
    }
    expect(await refusal(http.fetch(act('/api/login', {}, 'x'.repeat(9000))))).toBe('413 HF_HTTP_BODY_TOO_LARGE')
  })

  it('marks the cookie Secure over https, also behind a proxy that ends TLS', async () => {
    const http = make({ token })
    const secure = await logIn(http, { origin: 'https://localhost:3000', 'x-forwarded-proto': 'https' })
    expect(secure).toMatch(/; Secure$/)
    const direct = new Request('https://db.example.com/_holdfast/api/login', {
      method: 'POST',
      headers: { origin: 'https://db.example.com', 'x-holdfast-action': '1', 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    })
    expect((await http.fetch(direct)).headers.get('set-cookie')).toMatch(/; Secure$/)
  })

  it('does not renew, extend or adopt a cookie that it was given', async () => {
    const http = make({ token })
    const first = await logIn(http)
    const second = await logIn(http, { cookie: first.split(';')[0] ?? '' })
    expect(second.split(';')[0]).not.toBe(first.split(';')[0])
  })

  it.each([
    ['no Origin', { origin: undefined }],
    ['a foreign Origin', { origin: 'https://evil.com' }],
    ['another port', { origin: 'http://localhost:3001' }],
    ['another scheme', { origin: 'https://localhost:3000' }],
    ['a longer name', { origin: 'http://localhost:3000.evil.com' }],
    ['an opaque Origin', { origin: 'null' }],
    ['no action header', { 'x-holdfast-action': undefined }],
    ['another action header', { 'x-holdfast-action': 'true' }],
  ])('refuses %s even with the right token', async (_case, change) => {
    const http = make({ token })
    const request = act('/api/login', { authorization: `Bearer ${token}` }, JSON.stringify({ token }))
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined) request.headers.delete(name)
      else request.headers.set(name, value)
    }
    expect(await refusal(http.fetch(request, loopback))).toBe('403 HF_HTTP_ORIGIN')
  })

  it('logout clears the cookie', async () => {
    const http = make({ token })
    const [pair = ''] = (await logIn(http)).split(';')
    const answer = await http.fetch(act('/api/logout', { cookie: pair }))
    expect(answer.headers.get('set-cookie')).toMatch(/^holdfast_session=; Path=\/_holdfast; Max-Age=0;/)
  })
})

describe('a session cookie', () => {
  const keeper = createTokenKeeper(token)

  it('ends with its time, with another token, and with any change', () => {
    const cookie = keeper.issue()
    expect(keeper.isValid(cookie)).toBe(true)
    expect(keeper.isValid(cookie, Date.now() + 13 * 3600_000)).toBe(false)
    expect(createTokenKeeper(`${token}2`).isValid(cookie)).toBe(false)
    const [expiry = '', nonce, mac] = cookie.split('.')
    expect(keeper.isValid(`${Number(expiry) + 1}.${nonce}.${mac}`)).toBe(false)
    for (const broken of ['', '.', '..', cookie.slice(0, -3), `x${cookie}`, token])
      expect(keeper.isValid(broken)).toBe(false)
  })

  it('is accepted by another instance with the same token', () => {
    expect(createTokenKeeper(token).isValid(keeper.issue())).toBe(true)
  })

  it('is found among others, at most four times', () => {
    expect(readSessionCookies('a=1; holdfast_session=x; holdfast_session=y; xholdfast_session=z')).toEqual(['x', 'y'])
    expect(readSessionCookies('holdfast_session=a;'.repeat(9))).toHaveLength(4)
    expect(readSessionCookies(null)).toEqual([])
  })
})

describe('over a real socket', () => {
  it('judges the peer, the Host and repeated headers as they arrive', async () => {
    const http = make({}, { HOLDFAST_DEV: '1' })
    const server = await serve((request, response) => void http.node(request, response))
    const url = `${server.url}/_holdfast/api/now`
    try {
      expect((await sendRaw(url)).status).toBe(200)
      expect((await sendRaw(url, { headers: { host: 'LocalHost:1' } })).status).toBe(200)
      expect(readCode((await sendRaw(url, { headers: { host: 'evil.com' } })).body)).toBe('HF_HTTP_NO_TOKEN')
      expect(readCode((await sendRaw(url, { headers: { host: 'a b' } })).body)).toBe('HF_HTTP_HOST')
      const twice = { 'x-forwarded-for': ['127.0.0.1', '10.0.0.1'] }
      expect(readCode((await sendRaw(url, { headers: twice })).body)).toBe('HF_HTTP_NO_TOKEN')
    } finally {
      await server.close()
    }
  })
})
