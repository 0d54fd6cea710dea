import { randomBytes } from 'node:crypto'
import { stderrLogger, type RequestContext } from '../core/index.js'
import { inspectWatch } from './inspect.js'
import type { WatchInspector } from './inspect-types.js'
import type { SeenStatement, StatementSink } from './observe-query.js'
import { watchDefaults } from './options.js'
import { loadParser, type Parser } from './parser.js'
import { SeriesBook, type Sighting } from './series.js'
import { StatementBook } from './statement-book.js'
import type { StatementObserver } from './statement-observer.js'
import type { WatchStorage } from './storage.js'
import type { Watch, WatchOptions, WatchStats } from './types.js'
import { Flusher } from './worker.js'

/** A request that runs more statements than this has them counted as they come: it must not keep all of them. */
const MOST_PENDING = 1_000
const NO_ROUTE = '(none)'

export type RequestSink = (request: RequestContext, ms: number) => void

export interface WatchParts {
  storage: WatchStorage
  /** Begins to tell what happens; what it gives ends it. */
  join: (see: StatementSink, endRequest: RequestSink) => () => void
  runRequest: Watch['runRequest']
  options: Omit<WatchOptions, 'url'>
  /** Runs when it has written for the last time. */
  afterStop: () => Promise<void> | void
}

export async function openWatch(parts: WatchParts): Promise<Watch> {
  return new ProcessWatch(parts, await loadParser())
}

class ProcessWatch implements Watch {
  readonly inspect: WatchInspector
  readonly #book: SeriesBook
  readonly #statements: StatementBook
  readonly #flusher: Flusher
  readonly #segment: WatchOptions['segment']
  readonly #observers: StatementObserver[] = []
  readonly #leave: () => void
  readonly #afterStop: WatchParts['afterStop']
  readonly runRequest: Watch['runRequest']
  #stopping: Promise<void> | undefined

  constructor({ storage, join, runRequest, options, afterStop }: WatchParts, parser: Parser) {
    const { logger = stderrLogger, segment, ...given } = options
    const settings = { ...watchDefaults, ...withoutUndefined(given) }
    this.#afterStop = afterStop
    this.runRequest = runRequest
    this.#segment = segment
    this.inspect = inspectWatch(storage)
    this.#book = new SeriesBook(settings)
    this.#statements = new StatementBook(parser)
    const process = randomBytes(8).readBigInt64BE().toString()
    this.#flusher = new Flusher({ db: storage, logger, book: this.#book, process, ...settings })
    this.#leave = join(
      (seen) => this.#see(seen),
      (request, ms) => this.#endRequest(request, ms),
    )
  }

  #see(seen: SeenStatement): void {
    const { request, ms, rows, bytes, isFailed, isOwn } = seen
    if (request !== undefined && !isOwn) {
      request.queries++
      request.sqlMs += ms
    }
    const statement = this.#statements.find(seen.text)
    const sighting = { statement, ms, rows, bytes, isFailed }
    for (const observer of this.#observers) observer.observe(seen, statement)
    if (request === undefined) return this.#book.recordStatement(NO_ROUTE, '', sighting)
    const pending = (request.watched ??= []) as Sighting[] | 'ended'
    // Its route may not be known yet: a router tells it when it has matched, and what runs before has run by then.
    if (pending !== 'ended' && pending.length < MOST_PENDING) pending.push(sighting)
    else this.#book.recordStatement(request.route, this.#readSegment(request), sighting)
  }

  #endRequest(request: RequestContext, ms: number): void {
    // Its own middleware told it first, to a watch of its own.
    if (request.watched === 'ended') return
    const pending = (request.watched ?? []) as Sighting[]
    request.watched = 'ended'
    const { poolMs: waitMs, sqlMs, outboundMs, status } = request
    const ended = { ms, isFailed: status >= 500, waitMs, sqlMs, outboundMs }
    this.#book.recordRequest(request.route, this.#readSegment(request), ended, pending)
  }

  /** A label that cannot be had is none: whoever watches breaks nothing. */
  #readSegment(request: RequestContext): string {
    try {
      return this.#segment?.(request)?.slice(0, 100) ?? ''
    } catch {
      return ''
    }
  }

  stats(): WatchStats {
    return { series: this.#book.size, overflows: this.#book.overflows, lostMinutes: this.#flusher.lostMinutes }
  }

  async flush(): Promise<void> {
    await this.#flusher.flush()
  }

  async stop(): Promise<void> {
    await (this.#stopping ??= this.#stopOnce())
  }

  async #stopOnce(): Promise<void> {
    this.#leave()
    await Promise.all(this.#observers.map(async (observer) => await observer.close()))
    await this.#flusher.close()
    await this.#afterStop()
  }
}

function withoutUndefined<T extends object>(given: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
}
