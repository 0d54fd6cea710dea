const heartbeatMs = 15_000
/** A stream is ended after this long; the browser asks again, and with that its access is checked again. */
const maxStreamMs = 15 * 60_000
/** A client that reads nothing for this many messages is gone or asleep; its place is given free. */
const maxUnread = 30

export interface EventStream {
  readonly send: (text: string) => void
  readonly end: () => void
}

/**
 * Server-sent events: heartbeats so that a proxy keeps the connection, an end when the client has gone, stopped reading,
 * or has listened for long. `begin` starts what sends; what it gives is called once, at the end.
 */
export function openEventStream(request: Request, begin: (stream: EventStream) => () => void): Response {
  const headers = {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    // nginx would else collect messages until its buffer is full.
    'x-accel-buffering': 'no',
  }
  if (request.method === 'HEAD') return new Response(null, { headers })
  return new Response(makeBody(request, begin), { headers })
}

function makeBody(request: Request, begin: (stream: EventStream) => () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let end = (): void => undefined
  const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    let isOver = false
    let stop = (): void => undefined
    const send = (text: string): void => {
      if (isOver) return
      if ((controller.desiredSize ?? 0) < -maxUnread) return end()
      controller.enqueue(encoder.encode(text))
    }
    const heartbeat = setInterval(() => send(': heartbeat\n\n'), heartbeatMs).unref()
    const lifetime = setTimeout(() => end(), maxStreamMs).unref()
    end = () => {
      if (isOver) return
      isOver = true
      clearInterval(heartbeat)
      clearTimeout(lifetime)
      request.signal.removeEventListener('abort', end)
      closeQuietly(controller)
      stop()
    }
    request.signal.addEventListener('abort', end)
    if (request.signal.aborted) return end()
    send('retry: 2000\n\n')
    stop = begin({ send, end })
    // It may have ended while it began.
    if (isOver) stop()
  }
  return new ReadableStream({ start, cancel: () => end() })
}

/** A stream that the client cancelled is closed already, and says so by throwing. */
function closeQuietly(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close()
  } catch {
    return
  }
}
