import { currentRequest, type RequestContext } from '../../core/early.js'
import type { Logger } from '../../core/index.js'
import type { Finding } from '../findings.js'
import { describePlace, findPlace, formatPlace } from './place.js'
import { parseStack } from './stack.js'

type Report = (finding: Finding, request: RequestContext | undefined) => void

const EVENT = 'unhandledRejection'

/**
 * Tells of rejections that nobody handled, with the route they came from. A process without a listener of its own ends by
 * them, and shall go on doing so: ours is there only beside another one.
 */
export class Rejections {
  readonly #report: Report
  readonly #logger: Logger
  #isThere = false

  constructor(report: Report, logger: Logger) {
    this.#report = report
    this.#logger = logger
    process.on('uncaughtExceptionMonitor', this.#onCrash)
    process.on('newListener', this.#onChange)
    process.on('removeListener', this.#onChange)
    this.#follow()
  }

  readonly #onChange = (event: string | symbol): void => {
    // It is told of before it is so.
    if (event === EVENT) queueMicrotask(() => this.#follow())
  }

  #follow(): void {
    const others = process.listenerCount(EVENT) - (this.#isThere ? 1 : 0)
    if (others > 0 === this.#isThere) return
    this.#isThere = others > 0
    if (this.#isThere) process.on(EVENT, this.#onRejection)
    else process.off(EVENT, this.#onRejection)
  }

  readonly #onRejection = (reason: unknown): void => {
    const request = currentRequest()
    this.#report(describeRejection(reason), request)
  }

  /** The process ends: there is time for a line, and none for the database. */
  readonly #onCrash = (error: unknown, origin: string): void => {
    if (origin !== EVENT) return
    const { sentence, fix } = describeRejection(error)
    this.#logger.error({ finding: 'unhandled-rejection', route: currentRequest()?.route ?? '', fix }, sentence)
  }

  close(): void {
    process.off('uncaughtExceptionMonitor', this.#onCrash)
    process.off('newListener', this.#onChange)
    process.off('removeListener', this.#onChange)
    if (this.#isThere) process.off(EVENT, this.#onRejection)
    this.#isThere = false
  }
}

/** Its message is the application's, and may hold what is nobody's business: its class and its line are enough. */
export function describeRejection(reason: unknown): Finding {
  const stack = reason instanceof Error ? (reason.stack ?? '') : ''
  const place = findPlace(parseStack(stack))
  const name = reason instanceof Error ? reason.constructor.name || 'Error' : typeof reason
  return {
    kind: 'unhandled-rejection',
    severity: 'act',
    subject: place.at === undefined ? name : formatPlace(place.at),
    statement: '0',
    route: '',
    sentence: `A promise was rejected (${name}) and nobody handled it: ${describePlace(place)}. Whoever asked was told that all is well, or nothing.`,
    evidence: { name },
    fix: 'Await the promise, or give it a `.catch` that says what then happens.',
    prove: 'holdfast scan src/',
  }
}
