import { expect, describe, it } from 'vitest'
import { defineErrors, HoldfastError, isHoldfastError } from '../../src/core/index.js'
import { httpErrors, readJson, toProblem, type ProblemDocument } from '../../src/http/index.js'
import { toWebRequest, sendWebResponse } from '../../src/http/node-bridge.js'
import { FakeDb } from './fake-db.js'
import { readCode, sendRaw, serve } from './servers.js'

function post(body: string | ReadableStream | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Request {
  const init = {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    duplex: 'half' as const,
  }
  return new Request('http://x/', init)
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => 'resolved',
    (reason: unknown) => reason,
  )
  return isHoldfastError(error) ? error.code : String(error)
}

/** Hands out one chunk a pull and notes how far it was read. */
function makeStream(chunk: Uint8Array<ArrayBuffer>, count: number) {
  const seen = { pulled: 0, isCancelled: false }
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (seen.pulled++ < count) controller.enqueue(chunk)
        else controller.close()
      },
      cancel: () => void (seen.isCancelled = true),
    },
    { highWaterMark: 0 },
  )
  return { body, seen }
}

describe('readJson', () => {
  it('parses what it should', async () => {
    expect(await readJson(post('{"a":[1,"ü"]}'))).toEqual({ a: [1, 'ü'] })
    expect(await readJson(post('5', { 'content-type': 'application/merge-patch+json; charset="UTF-8"' }))).toBe(5)
    expect(await readJson(post('"x"', { 'content-encoding': 'identity' }))).toBe('x')
  })

  it.each(['text/plain', '', 'application/jsonx', 'application/json; charset=latin1', 'multipart/form-data'])(
    'refuses the type %j',
    async (type) => {
      expect(await codeOf(readJson(post('{}', { 'content-type': type })))).toBe('HF_HTTP_BODY_TYPE')
    },
  )

  it('refuses compressed bodies instead of unfolding them', async () => {
    expect(await codeOf(readJson(post('{}', { 'content-encoding': 'gzip' })))).toBe('HF_HTTP_BODY_TYPE')
  })

  it.each(['', '{', '{"a":1}x', "{'a':1}", 'undefined'])('refuses %j without quoting it', async (text) => {
    const error = await readJson(post(text)).catch((reason: unknown) => reason)
    expect(isHoldfastError(error, 'HF_HTTP_BODY_MALFORMED')).toBe(true)
    if (text.length > 1) expect((error as Error).message).not.toContain(text)
  })

  it('refuses broken UTF-8, which would be stored as another text', async () => {
    expect(await codeOf(readJson(post(new Uint8Array([0x22, 0xff, 0x22]))))).toBe('HF_HTTP_BODY_MALFORMED')
  })

  it('does not read a body that announces too much', async () => {
    const { body, seen } = makeStream(new Uint8Array(1000), 10)
    expect(await codeOf(readJson(post(body, { 'content-length': '1048577' })))).toBe('HF_HTTP_BODY_TOO_LARGE')
    expect(seen.pulled).toBe(0)
  })

  it('stops reading 50 MB after the first too many bytes', async () => {
    const { body, seen } = makeStream(new Uint8Array(65_536), 800)
    expect(await codeOf(readJson(post(body)))).toBe('HF_HTTP_BODY_TOO_LARGE')
    expect(seen.pulled).toBeLessThanOrEqual(18)
    expect(seen.isCancelled).toBe(true)
  })

  it('takes exactly maxBytes', async () => {
    expect(await readJson(post('"12345678"'), { maxBytes: 10 })).toBe('12345678')
    expect(await codeOf(readJson(post('"12345678"'), { maxBytes: 9 }))).toBe('HF_HTTP_BODY_TOO_LARGE')
  })

  it('gives up on a body that stalls', async () => {
    let isCancelled = false
    const stalled = new ReadableStream({
      pull: () => new Promise(() => undefined),
      cancel: () => void (isCancelled = true),
    })
    expect(await codeOf(readJson(post(stalled), { deadlineMs: 20 }))).toBe('HF_HTTP_BODY_SLOW')
    expect(isCancelled).toBe(true)
  })

  it('over node:http a refused upload ends the connection instead of being read to its end', async () => {
    let received = 0
    const server = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => (received += chunk.length))
      request.pause()
      const web = toWebRequest(request, AbortSignal.timeout(10_000))
      const answer = readJson(web, { maxBytes: 1000 }).then(() => new Response('read'), toProblem)
      void answer.then((made) => sendWebResponse(made, request, response))
    })
    try {
      const answer = await sendRaw(`${server.url}/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': '52428800' },
        body: 'x'.repeat(1000),
      }).catch((error: Error) => error)
      if (answer instanceof Error) expect(answer.message).toMatch(/ECONNRESET|EPIPE|socket hang up/)
      else {
        expect([answer.status, readCode(answer.body)]).toEqual([413, 'HF_HTTP_BODY_TOO_LARGE'])
        expect(answer.headers.connection).toBe('close')
      }
      expect(received).toBeLessThan(100_000)
    } finally {
      await server.close()
    }
  })
})

describe('toProblem', () => {
  const makeError = defineErrors({
    HF_TEST_FULL: { summary: 's', when: 'w', fix: 'Wait.', status: 503, retryable: true },
    HF_TEST_ODD: { summary: 's', when: 'w', fix: 'f', status: 42 },
  })

  it('shows a HoldfastError with the request it belongs to', async () => {
    const db = new FakeDb()
    const answer = await db.runRequest({ requestId: 'r-1' }, () =>
      Promise.resolve(toProblem(makeError('HF_TEST_FULL', 'All 3 are taken.'))),
    )
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.headers.get('x-request-id')).toBe('r-1')
    expect([answer.status, await answer.json()]).toEqual([
      503,
      {
        type: 'docs/errors.md#hf_test_full',
        title: 'Service Unavailable',
        status: 503,
        detail: 'All 3 are taken.',
        code: 'HF_TEST_FULL',
        fix: 'Wait.',
        retryable: true,
        requestId: 'r-1',
      } satisfies ProblemDocument,
    ])
  })

  it.each([new Error('password=hunter2'), 'password=hunter2', undefined, { message: 'password=hunter2', status: 200 }])(
    'hides what it does not know: %s',
    async (thrown) => {
      const answer = toProblem(thrown)
      const text = await answer.text()
      expect([answer.status, readCode(text)]).toEqual([500, 'HF_HTTP_INTERNAL'])
      expect(text).not.toContain('hunter2')
    },
  )

  it('hides causes and details, and never answers with a status that is none', async () => {
    const cause = new Error('select * from secrets')
    const error = makeError('HF_TEST_ODD', 'm', { cause, details: { key: 'secret-detail' } })
    const answer = toProblem(error)
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toMatch(/secret/)
  })

  it('knows errors of another copy of the package', () => {
    const made = new HoldfastError('HF_X_Y', httpErrors.HF_HTTP_NOT_FOUND, 'm')
    const foreign = Object.assign(new Error('m'), Object.fromEntries(Object.entries(made)), {
      [Symbol.for('holdfast.error')]: true,
    })
    expect(toProblem(foreign).status).toBe(404)
  })
})
