import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHttp, type HttpHandler, type NowDocument } from '../../src/http/index.js'
import { LiveStreams } from '../../src/http/live-stream.js'
import { Sampler } from '../../src/http/now.js'
import { FakeDb } from './fake-db.js'
import { serve } from './servers.js'

const token = 'correct-horse-battery-staple'
const authorization = `Bearer ${token}`

interface Message {
  id: number
  document: NowDocument
}

/** Reads server-sent events one by one. */
async function* readMessages(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Message> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => line.split(/: (.*)/s, 2) as [string, string]),
      )
      text = text.slice(end + 2)
      const data = fields.get('data')
      if (data !== undefined) yield { id: Number(fields.get('id')), document: JSON.parse(data) as NowDocument }
    }
  }
}

async function next(messages: AsyncGenerator<Message>): Promise<Message> {
  const { value } = (await messages.next()) as { value: Message }
  return value
}

describe('in memory', () => {
  let sampler: Sampler
  let live: LiveStreams

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'Date', 'performance'] })
    sampler = new Sampler(new FakeDb(), () => '0')
    live = new LiveStreams(sampler)
  })

  afterEach(() => {
    live.closeAll()
    sampler.stop()
    vi.useRealTimers()
  })

  const ask = (path = '', headers: Record<string, string> = {}, signal?: AbortSignal): Request =>
    new Request(`http://x/api/live${path}`, signal === undefined ? { headers } : { headers, signal })

  it('sends one message a second whose id is its last second', async () => {
    const messages = readMessages(live.open(ask()).body)
    expect((await next(messages)).document.seconds).toEqual([])
    vi.advanceTimersByTime(2000)
    const first = await next(messages)
    const second = await next(messages)
    expect(first.document.seconds).toHaveLength(1)
    expect(first.id).toBe(first.document.seconds[0]?.at)
    expect(second.document.seconds).toHaveLength(1)
    expect(second.id).toBeGreaterThan(first.id)
  })

  it('begins after what the client has', async () => {
    sampler.start()
    vi.advanceTimersByTime(5000)
    const all = sampler.read().seconds
    const count = async (request: Request): Promise<number> =>
      (await next(readMessages(live.open(request).body))).document.seconds.length
    expect(await count(ask())).toBe(5)
    expect(await count(ask(`?since=${all[2]?.at}`))).toBe(2)
    // A reconnect knows more than the address that was opened first.
    expect(await count(ask('?since=0', { 'last-event-id': String(all[3]?.at) }))).toBe(1)
    expect(await count(ask('?since=abc'))).toBe(5)
  })

  it('keeps a quiet connection alive and ends an old one', async () => {
    const reader = (live.open(ask()).body as ReadableStream<Uint8Array>).getReader()
    sampler.stop()
    vi.advanceTimersByTime(15_000)
    const texts: string[] = []
    for (let i = 0; i < 3; i++) texts.push(new TextDecoder().decode((await reader.read()).value))
    expect(texts[0]).toBe('retry: 2000\n\n')
    expect(texts[2]).toBe(': heartbeat\n\n')
    expect(live.count).toBe(1)
    vi.advanceTimersByTime(15 * 60_000)
    expect(live.count).toBe(0)
  })

  it('drops a client that does not read', () => {
    live.open(ask())
    vi.advanceTimersByTime(60_000)
    expect(live.count).toBe(0)
  })

  it('gives the place free at once on cancel and on abort', async () => {
    const gone = new AbortController()
    const stream = live.open(ask())
    live.open(ask('', {}, gone.signal))
    expect(live.count).toBe(2)
    await stream.body?.cancel()
    gone.abort()
    expect(live.count).toBe(0)
  })

  it('opens 50 and refuses the next with a typed error', () => {
    for (let i = 0; i < 50; i++) live.open(ask())
    expect(() => live.open(ask())).toThrow(expect.objectContaining({ code: 'HF_HTTP_TOO_MANY_STREAMS', status: 503 }))
  })
})

describe('over a socket', () => {
  let http: HttpHandler
  let server: Awaited<ReturnType<typeof serve>>
  let ended: Promise<void>

  beforeEach(async () => {
    http = createHttp(new FakeDb(), { token })
    let resolveEnd = (): void => undefined
    ended = new Promise((resolve) => (resolveEnd = resolve))
    server = await serve((request, response) => void http.node(request, response).then(resolveEnd))
  })

  afterEach(async () => {
    http.close()
    await server.close()
  })

  const open = (signal?: AbortSignal): Promise<Response> =>
    fetch(`${server.url}/_holdfast/api/live`, {
      headers: { authorization },
      ...(signal === undefined ? {} : { signal }),
    })

  it('arrives while it happens, and a client that leaves ends it', async () => {
    const leave = new AbortController()
    const answer = await open(leave.signal)
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    const messages = readMessages(answer.body)
    await next(messages)
    expect((await next(messages)).document.seconds).toHaveLength(1)
    leave.abort()
    await ended
  })

  it('ends when the handler is closed', async () => {
    const messages = readMessages((await open()).body)
    await next(messages)
    http.close()
    expect((await messages.next()).done).toBe(true)
    await ended
  })
})
