import type { NowDocument } from './contract.js'
import { httpError } from './errors.js'
import { openEventStream } from './event-stream.js'
import type { Sampler } from './now.js'

const maxStreams = 50

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
    let last = readPosition(request)
    return openEventStream(request, ({ send, end }) => {
      const sendNow = (): void => {
        const document = this.#sampler.read(last)
        last = document.seconds.at(-1)?.at ?? last
        send(formatMessage(document, last))
      }
      this.#open.add(end)
      const unsubscribe = this.#sampler.subscribe(sendNow)
      sendNow()
      return () => {
        this.#open.delete(end)
        unsubscribe()
      }
    })
  }

  closeAll(): void {
    for (const end of this.#open) end()
  }

  get count(): number {
    return this.#open.size
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
