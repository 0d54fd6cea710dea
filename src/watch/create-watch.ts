import { randomBytes } from 'node:crypto'
import type { PoolClient } from 'pg'
import { stderrLogger, validateOptions, type Db, type Logger, type RequestContext } from '../core/index.js'
import { watchError } from './errors.js'
import { FindingBook } from './finding-book.js'
import { inspectWatch } from './inspect.js'
import type { WatchInspector } from './inspect-types.js'
import { observePool, type PoolObservation, type SeenStatement } from './observe-pool.js'
import { watchDefaults, watchOptionTable } from './options.js'
import { loadParser, type Parser } from './parser.js'
import { GenericPlans } from './plans/generic-plans.js'
import { PlanObserver } from './plans/plan-observer.js'
import { SeriesBook, type Sighting } from './series.js'
import { StatementBook } from './statement-book.js'
import type { StatementObserver } from './statement-observer.js'
import type { Watch, WatchOptions, WatchStats } from './types.js'
import { Flusher } from './worker.js'

/** A request that runs more statements than this has them counted as they come: it must not keep all of them. */
const MOST_PENDING = 1_000
const NO_ROUTE = '(none)'

const watched = new WeakSet<object>()

/**
 * Watches a database: how long requests took and where, by route; how long statements took, by route; what they brought
 * over the wire. Of all statements of its pool, whoever sends them: holdfast, an ORM, plain node-postgres.
 *
 * @example
 * const db = await connect({ pool })
 * const watching = await watch(db)
 * @throws HF_WATCH_TWICE, HF_OPTIONS_…
 */
export async function watch(db: Db, options: WatchOptions = {}): Promise<Watch> {
  validateOptions('watch', options, watchOptionTable)
  if (watched.has(db.pool)) throw watchError('HF_WATCH_TWICE', 'This pool is watched already.')
  watched.add(db.pool)
  try {
    return new ProcessWatch(db, options, await loadParser())
  } catch (error) {
    watched.delete(db.pool)
    throw error
  }
}

class ProcessWatch implements Watch {
  readonly inspect: WatchInspector
  readonly #db: Db
  readonly #book: SeriesBook
  readonly #statements: StatementBook
  readonly #flusher: Flusher
  readonly #segment: WatchOptions['segment']
  readonly #findings: FindingBook
  #plans: PlanObserver | undefined
  readonly #observers: StatementObserver[] = []
  readonly #leave: (() => void)[]
  #stopping: Promise<void> | undefined

  constructor(db: Db, options: WatchOptions, parser: Parser) {
    const { logger = stderrLogger, segment, onFinding, ...given } = options
    const settings = { ...watchDefaults, ...withoutUndefined(given) }
    this.#db = db
    this.#segment = segment
    this.inspect = inspectWatch(db)
    this.#book = new SeriesBook(settings)
    this.#statements = new StatementBook(parser)
    const process = randomBytes(8).readBigInt64BE().toString()
    this.#findings = new FindingBook(logger, onFinding)
    const also = [async () => await this.#plans?.flush(), async () => await this.#findings.flush(db)]
    this.#flusher = new Flusher({ db, logger, book: this.#book, process, also, ...settings })
    const observation = observePool(db.pool, (seen) => this.#see(seen))
    this.#leave = [() => observation.leave(), db.onRequest((request, ms) => this.#endRequest(request, ms))]
    if (settings.plans) this.#watchPlans(parser, logger, observation)
  }

  #watchPlans(parser: Parser, logger: Logger, observation: PoolObservation): void {
    const db = this.#db
    const generic = new GenericPlans(async (...asked) => await observation.ask(...asked))
    const plans = new PlanObserver({ db, parser, logger, generic, report: (finding) => this.#findings.report(finding) })
    this.#plans = plans
    this.#observers.push(plans)
    const onRelease = (_error: unknown, client: PoolClient) => {
      plans.onRelease(client)
      generic.onRelease(client)
    }
    db.pool.on('release', onRelease)
    this.#leave.push(() => db.pool.off('release', onRelease))
  }

  #see(seen: SeenStatement): void {
    const { request, ms, rows, bytes, isFailed } = seen
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
    const [series, overflows, lostMinutes] = [this.#book.size, this.#book.overflows, this.#flusher.lostMinutes]
    return { series, overflows, lostMinutes, plans: this.#plans?.stats() ?? null }
  }

  async flush(): Promise<void> {
    await this.#flusher.flush()
  }

  async stop(): Promise<void> {
    await (this.#stopping ??= this.#stopOnce())
  }

  async #stopOnce(): Promise<void> {
    for (const leave of this.#leave) leave()
    await Promise.all(this.#observers.map(async (observer) => await observer.close()))
    watched.delete(this.#db.pool)
    await this.#flusher.close()
  }
}

function withoutUndefined<T extends object>(given: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
}
