import { createHook } from 'node:async_hooks'
import { currentRequest, markRequests, type RequestContext } from '../../core/early.js'

/** A process that switches more often is not followed further. */
const MOST = 2_000_000

/** Which request's code ran from when on. */
export class Marks {
  /** Microseconds of the clock that V8's profiler has. */
  readonly at: number[] = []
  readonly requests: (RequestContext | undefined)[] = []
  #last: RequestContext | undefined
  readonly #hook = createHook({ before: () => this.#mark(currentRequest()), after: () => this.#mark(undefined) })
  readonly #leave = markRequests((request) => this.#mark(request))

  constructor() {
    this.#hook.enable()
  }

  #mark(request: RequestContext | undefined): void {
    if (request === this.#last || this.at.length >= MOST) return
    this.#last = request
    this.at.push(Number(process.hrtime.bigint() / 1_000n))
    this.requests.push(request)
  }

  close(): void {
    this.#hook.disable()
    this.#leave()
  }
}
