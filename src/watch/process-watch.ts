import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { stderrLogger, type Logger, type RequestContext } from '../core/index.js'
import { createShapeObserver, describeRepeat, findRepeats } from './data-shape/index.js'
import { BlockingWatch } from './blocking/blocking-watch.js'
import { ClashWatching } from './clash/clash-watching.js'
import { readDeploy } from './deploy.js'
import { FindingBook } from './finding-book.js'
import type { Finding, FindingSink } from './findings.js'
import { inspectWatch } from './inspect.js'
import type { WatchInspector } from './inspect-types.js'
import type { PoolObservation } from './observe-pool.js'
import type { SeenStatement, StatementSink } from './observe-query.js'
import { watchDefaults } from './options.js'
import { loadParser, type Parser } from './parser.js'
import { GenericPlans } from './plans/generic-plans.js'
import { PlanObserver } from './plans/plan-observer.js'
import { SeriesBook, type Sighting } from './series.js'
import { StatementBook } from './statement-book.js'
import type { StatementObserver } from './statement-observer.js'
import type { WatchStorage } from './storage.js'
import { noteDeploy } from './store.js'
import type { Watch, WatchOptions, WatchStats } from './types.js'
import { Flusher } from './worker.js'

/** A request that runs more statements than this has them counted as they come: it must not keep all of them. */
const MOST_PENDING = 1_000
/** With `sampleReads`, of one result in so many. */
const SAMPLED_READS = 1_000
const NO_ROUTE = '(none)'

export type RequestSink = (request: RequestContext, ms: number) => void

/** What happens is told to them. */
export interface Ears {
  see: StatementSink
  endRequest: RequestSink
  /** A session has been given back to its pool. */
  release: (client: object) => void
}

export interface Joined {
  leave: () => void
  /** On a session of the application, without being seen; undefined where there is no way to. */
  ask?: PoolObservation['ask']
}

export interface WatchParts {
  storage: WatchStorage
  /** Begins to tell what happens. */
  join: (ears: Ears) => Joined
  /** A connection beside the application's, of the same user, not yet connected. */
  connectAside: () => Client
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
  readonly #findings: FindingBook
  readonly #observers: StatementObserver[] = []
  #plans: PlanObserver | undefined
  #blocking: BlockingWatch | undefined
  #clash: ClashWatching | undefined
  #generic: GenericPlans | undefined
  readonly #joined: Joined
  readonly #afterStop: WatchParts['afterStop']
  readonly runRequest: Watch['runRequest']
  /** Whose statement is being looked at. */
  #observed: RequestContext | undefined
  readonly #untold = new WeakMap<RequestContext, Finding[]>()
  #isDeployNoted = false
  #stopping: Promise<void> | undefined

  constructor(parts: WatchParts, parser: Parser) {
    const { storage, join, runRequest, options, afterStop } = parts
    const { logger = stderrLogger, segment, onFinding, ...given } = options
    const settings = { ...watchDefaults, ...withoutUndefined(given) }
    this.#afterStop = afterStop
    this.runRequest = runRequest
    this.#segment = segment
    this.inspect = inspectWatch(storage)
    this.#book = new SeriesBook(settings)
    this.#statements = new StatementBook(parser)
    const process = randomBytes(8).readBigInt64BE().toString()
    this.#findings = new FindingBook(logger, onFinding)
    const judge = () => {
      this.#blocking?.judge()
      this.#clash?.judge()
    }
    const also = [
      () => this.#plans?.flush(),
      () => this.#clash?.flush(storage),
      () => this.#findings.flush(storage),
      () => this.#noteDeploy(storage),
    ]
    this.#flusher = new Flusher({ db: storage, logger, book: this.#book, process, judge, also, ...settings })
    const report = (finding: Finding) => this.#findings.report(finding)
    if (settings.shapes) {
      const sampleReadsEvery = settings.sampleReads ? SAMPLED_READS : 0
      const tell = (finding: Finding) => this.#tellOfRequest(finding, this.#observed)
      this.#observers.push(createShapeObserver({ report: tell, db: storage, sampleReadsEvery }))
    }
    if (settings.blocking)
      this.#blocking = new BlockingWatch((finding, request) => this.#tellOfRequest(finding, request), logger)
    if (settings.clash) {
      const { clashEveryMs: everyMs } = settings
      const stretch = everyMs === 0 ? { stretchMs: 0 } : { everyMs }
      this.#clash = new ClashWatching({ db: storage, parser, report, ...stretch })
      this.#observers.push(this.#clash)
    }
    if (settings.plans) this.#watchPlans(parts, parser, logger, report)
    this.#joined = join({
      see: (seen) => this.#see(seen),
      endRequest: (request, ms) => this.#endRequest(request, ms),
      release: (client) => {
        this.#plans?.onRelease(client)
        this.#generic?.onRelease(client)
      },
    })
  }

  #watchPlans({ storage: db, connectAside }: WatchParts, parser: Parser, logger: Logger, report: FindingSink): void {
    const ask: PoolObservation['ask'] = async (...asked) => {
      if (this.#joined.ask === undefined) throw new Error('There is no way to ask this session.')
      return await this.#joined.ask(...asked)
    }
    this.#generic = new GenericPlans(ask)
    this.#plans = new PlanObserver({ db, connectAside, parser, logger, generic: this.#generic, report })
    this.#observers.push(this.#plans)
  }

  async #noteDeploy(storage: WatchStorage): Promise<void> {
    if (this.#isDeployNoted) return
    const label = readDeploy()
    if (label !== '') await noteDeploy(storage, label)
    this.#isDeployNoted = true
  }

  #see(seen: SeenStatement): void {
    const { request, endedAt, ms, rows, bytes, isFailed, isOwn } = seen
    if (request !== undefined && !isOwn) {
      request.queries++
      request.sqlMs += ms
    }
    const statement = this.#statements.find(seen.text)
    const sighting = { statement, ms, endedAt, rows, bytes, isFailed }
    this.#observed = request
    for (const observer of this.#observers) observer.observe(seen, statement)
    this.#blocking?.observe(seen, statement)
    this.#observed = undefined
    if (request === undefined) return this.#book.recordStatement(NO_ROUTE, '', sighting)
    const pending = (request.watched ??= []) as Sighting[] | 'ended'
    // Its route may not be known yet: a router tells it when it has matched, and what runs before has run by then.
    if (pending !== 'ended' && pending.length < MOST_PENDING) pending.push(sighting)
    else this.#book.recordStatement(request.route, this.#readSegment(request), sighting)
  }

  /** What is found while a statement is looked at: a router that tells the route when it has answered was not there yet. */
  #tellOfRequest(finding: Finding, request: RequestContext | undefined): void {
    if (finding.route !== '' || request === undefined) return this.#findings.report(finding)
    if (request.watched === 'ended') return this.#findings.report({ ...finding, route: nameRoute(request) })
    const waiting = this.#untold.get(request)
    if (waiting) waiting.push(finding)
    else this.#untold.set(request, [finding])
  }

  #tellUntold(request: RequestContext): void {
    const route = nameRoute(request)
    for (const finding of this.#untold.get(request) ?? []) this.#findings.report({ ...finding, route })
  }

  #endRequest(request: RequestContext, ms: number): void {
    // Its own middleware told it first, to a watch of its own.
    if (request.watched === 'ended') return
    const pending = (request.watched ?? []) as Sighting[]
    request.watched = 'ended'
    const { poolMs: waitMs, sqlMs, outboundMs, outboundByHost, loopMs, isFirst, status } = request
    const ended = { ms, isFailed: status >= 500, waitMs, sqlMs, outboundMs, outboundByHost, loopMs, isFirst }
    this.#book.recordRequest(request.route, this.#readSegment(request), ended, pending)
    this.#tellUntold(request)
    this.#blocking?.endRequest(request)
    this.#clash?.endRequest(request)
    for (const repeat of findRepeats(pending, ms)) this.#findings.report(describeRepeat(repeat, request.route, ms))
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
    const [series, overflows, lostMinutes] = [this.#book.size, this.#book.overflows, this.#flusher.lostMinutes]
    return {
      series,
      overflows,
      lostMinutes,
      plans: this.#plans?.stats() ?? null,
      clash: this.#clash?.stats() ?? null,
      blocking: this.#blocking?.stats() ?? null,
    }
  }

  async flush(): Promise<void> {
    await this.#flusher.flush()
  }

  async stop(): Promise<void> {
    await (this.#stopping ??= this.#stopOnce())
  }

  async #stopOnce(): Promise<void> {
    this.#joined.leave()
    await this.#blocking?.close()
    await Promise.all(this.#observers.map(async (observer) => await observer.close()))
    await this.#flusher.close()
    await this.#afterStop()
  }
}

const nameRoute = ({ route }: RequestContext): string => (route === NO_ROUTE ? '' : route)

function withoutUndefined<T extends object>(given: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
}
