import type { NowDocument } from './contract.js'
import { httpError } from './errors.js'
import type { Sampler } from './now.js'

const maxStreams = 50
const heartbeatMs = 15_000
/** A stream is ended after this long; the browser asks again, and with that its access is checked again. */
const maxStreamMs = 15 * 60_000
/** A client that reads nothing for this many messages is gone or asleep; its place is given free. */
const maxUnread = 30

/** The server-sent events of `/api/live`: one message a second for as long as somebody listens. */
export class LiveStreams {
  readonly #sampler: Sampler
  readonly #open = new Set<() => void>()

  constructor(sampler: Sampler) {
    this.#sampler = sampler
  }

  /** @throws HF_HTTP_TOO_MANY_STREAMS */
  open(request: Request): Response {
    if (this.#open.size >= maxStreams) {
      throw httpError('HF_HTTP_TOO_MANY_STREAMS', `All ${maxStreams} live streams of this process are in use.`)
    }
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // nginx would else collect messages until its buffer is full.
      'x-accel-buffering': 'no',
    }
    if (request.method === 'HEAD') return new Response(null, { headers })
    return new Response(this.#makeBody(request), { headers })
  }

  closeAll(): void {
    for (const end of this.#open) end()
  }

  get count(): number {
    return this.#open.size
  }

  #makeBody(request: Request): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder()
    let last = readPosition(request)
    let end = (): void => undefined
    const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      const send = (text: string): void => {
        if ((controller.desiredSize ?? 0) < -maxUnread) return end()
        controller.enqueue(encoder.encode(text))
      }
      const sendNow = (): void => {
        const document = this.#sampler.read(last)
        last = document.seconds.at(-1)?.at ?? last
        send(formatMessage(document, last))
      }
      const unsubscribe = this.#sampler.subscribe(sendNow)
      const heartbeat = setInterval(() => send(': heartbeat\n\n'), heartbeatMs).unref()
      const lifetime = setTimeout(() => end(), maxStreamMs).unref()
      end = once(() => {
        this.#open.delete(end)
        unsubscribe()
        clearInterval(heartbeat)
        clearTimeout(lifetime)
        request.signal.removeEventListener('abort', end)
        closeQuietly(controller)
      })
      this.#open.add(end)
      request.signal.addEventListener('abort', end)
      if (request.signal.aborted) return end()
      send('retry: 2000\n\n')
      sendNow()
    }
    return new ReadableStream({ start, cancel: () => end() })
  }
}

function formatMessage(document: NowDocument, id: number): string {
  return `id: ${id}\ndata: ${JSON.stringify(document)}\n\n`
}

/** The last second that the client has: from its reconnect, else from the address it opened. 0 sends all there is. */
function readPosition(request: Request): number {
  const text = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('since') ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

function once(action: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    action()
  }
}

/** A stream that the client cancelled is closed already, and says so by throwing. */
function closeQuietly(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close()
  } catch {
    return
  }
}
