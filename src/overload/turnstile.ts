import { FairQueue } from './fair-queue.js'

interface Waiting {
  begin: () => void
  fail: (error: unknown) => void
}

export interface TurnOptions {
  key?: string | undefined
  signal?: AbortSignal | undefined
  /** Ends waiting after so long, with this error. */
  within?: { ms: number; makeError: () => unknown } | undefined
}

/** So many at once; the others wait, keys take turns, and beyond `maxQueue` nobody does. */
export class Turnstile {
  running = 0
  refused = 0
  readonly #queue = new FairQueue<Waiting>()
  readonly max: number
  readonly #maxQueue: number
  readonly #makeFull: (queued: number) => unknown

  constructor(max: number, maxQueue: number, makeFull: (queued: number) => unknown) {
    this.max = max
    this.#maxQueue = maxQueue
    this.#makeFull = makeFull
  }

  get queued(): number {
    return this.#queue.size
  }

  async run<T>(fn: () => Promise<T> | T, options: TurnOptions = {}): Promise<T> {
    options.signal?.throwIfAborted()
    if (this.running < this.max) this.running++
    else await this.#wait(options)
    try {
      return await fn()
    } finally {
      // Who waits takes over the place: in between nobody else can have it.
      const next = this.#queue.shift()
      if (next) next.begin()
      else this.running--
    }
  }

  /** Nobody waits any more. */
  failAll(error: unknown): void {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) next.fail(error)
  }

  async #wait({ key = '', signal, within }: TurnOptions): Promise<void> {
    if (this.#queue.size >= this.#maxQueue) {
      this.refused++
      const other = this.#queue.displace(key)
      if (other === undefined) throw this.#makeFull(this.#queue.size)
      other.fail(this.#makeFull(this.#maxQueue))
    }
    await new Promise<void>((resolve, reject) => {
      const settle = (call: () => void) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        call()
      }
      const begin = () => settle(resolve)
      const fail = (error: unknown) => settle(() => reject(error))
      const entry = this.#queue.push(key, { begin, fail })
      const leave = (error: unknown) => {
        if (this.#queue.remove(entry)) fail(error)
      }
      const onAbort = () => leave(signal?.reason)
      const timer = within && setTimeout(() => leave(within.makeError()), within.ms)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}
