import { setImmediate as turn } from 'node:timers/promises'
import { runOutside, type RequestContext } from '../../core/early.js'
import type { Queryable } from '../../core/index.js'
import { hearParsed, timeNativeCalls } from '../blocking/native-calls.js'
import type { SeenStatement } from '../observe-query.js'
import type { Parser, Statement } from '../parser.js'
import { Catalog } from './catalog.js'
import { describeClashes, type Clash } from './describe.js'
import { judgePairs, type Verdict } from './judge.js'
import { Overlaps } from './overlaps.js'
import { readShape } from './read-shape.js'
import { RouteBook } from './route-book.js'
import type { Shape } from './shape.js'
import { captureSites } from './site.js'
import { readCatalog } from './store.js'
import { addToTrace, openTrace, type Trace } from './trace.js'

export interface ClashObserverOptions {
  db: Pick<Queryable, 'query'>
  parser: Parser
  /**
   * Requests are followed for so long, every so often: two that overlap are then seen both, which of requests drawn one by
   * one hardly ever happens. 0: always. @unit ms
   */
  stretchMs?: number
  everyMs?: number
}

export interface ClashStats {
  /** Requests that were followed from their first statement to their end. */
  followed: number
}

/** Measured: see docs/decisions/0024. @unit ms */
const STRETCH_MS = 500
const EVERY_MS = 10_000
const BEGIN_MS = 1_000
const MOST_SHAPES = 5_000
/** Texts never seen before take a tenth of a millisecond each. */
const MOST_NEW_PER_SECOND = 200
/** Requests in flight that are followed. */
const MOST_TRACES = 200
/** Tables that come later, such as those of a migration. @unit ms */
const CATALOG_EVERY_MS = 300_000

/**
 * Follows requests, a stretch of time every so often: what each read, and what it wrote because of it. Values are compared
 * while the request runs; what is kept are shapes, and keyed hashes.
 */
export class ClashObserver {
  readonly #options: Required<ClashObserverOptions>
  readonly #shapes = new Map<string, Shape | null>()
  readonly #traces = new Map<RequestContext, Trace>()
  readonly #book = new RouteBook()
  readonly #overlaps = new Overlaps()
  #catalog: Catalog | undefined
  #catalogAt = 0
  #reading: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isOn = false
  #isClosed = false
  #since = 0
  #new = 0
  #second = 0
  #traced = 0
  #leaveParsed = (): void => {}
  #leaveSites = (): void => {}
  /** It is by `JSON.parse` that bodies become values. */
  readonly #leaveNative = timeNativeCalls()

  constructor({ stretchMs = STRETCH_MS, everyMs = EVERY_MS, ...given }: ClashObserverOptions) {
    this.#options = { ...given, stretchMs, everyMs }
    if (stretchMs === 0) this.#reading = runOutside(() => this.#begin())
    else this.#beginLater()
  }

  /** The first stretch begins when the tables are known. */
  async #begin(): Promise<void> {
    await turn()
    await this.#readCatalog()
    if (!this.#isClosed) this.#turnOn()
  }

  /** A program that ends soon asks for nothing, and one that begins has other work for its connections. */
  #beginLater(): void {
    this.#later(BEGIN_MS, () => {
      this.#reading = this.#begin()
    })
  }

  async #readCatalog(): Promise<void> {
    this.#catalogAt = performance.now()
    const catalog = await readCatalog(this.#options.db).catch(() => undefined)
    if (catalog === undefined) return
    this.#catalog = catalog
    // They name tables and columns of the old one.
    this.#shapes.clear()
  }

  #turnOn(): void {
    if (
      performance.now() - this.#catalogAt > CATALOG_EVERY_MS ||
      this.#catalog === undefined ||
      this.#catalog.size === 0
    )
      this.#reading = runOutside(() => this.#readCatalog())
    this.#isOn = true
    this.#since = performance.now()
    this.#leaveSites = captureSites()
    this.#leaveParsed = hearParsed((value, request) => {
      const trace = this.#find(request)
      if (trace === undefined) return
      trace.isInputKnown = true
      trace.inputs.add(value)
    })
    const { stretchMs } = this.#options
    if (stretchMs > 0) this.#later(stretchMs, () => this.#turnOff())
  }

  /** Requests that have begun are followed to their end. */
  #turnOff(): void {
    this.#isOn = false
    this.#leaveSites()
    this.#leaveParsed()
    // At odd times: what an application does every ten seconds would be seen always, or never.
    this.#later(this.#options.everyMs * (0.5 + Math.random()), () => this.#turnOn())
  }

  #later(ms: number, body: () => void): void {
    this.#timer = runOutside(() => setTimeout(body, ms).unref())
  }

  #find(request: RequestContext): Trace | undefined {
    const known = this.#traces.get(request)
    if (known !== undefined || !this.#isOn || request.startedAt < this.#since) return known
    // What it left behind goes on parsing: nobody would end that trace.
    if (request.watched === 'ended') return undefined
    if (this.#traces.size >= MOST_TRACES) return undefined
    const trace = openTrace(request)
    this.#traces.set(request, trace)
    this.#traced++
    const brought = request.readInput?.()
    if (brought !== undefined) {
      trace.isInputKnown = true
      trace.inputs.add(brought)
    }
    return trace
  }

  observe(seen: SeenStatement, statement: Statement): void {
    const { request, text } = seen
    if (request === undefined || (!this.#isOn && this.#traces.size === 0)) return
    if (text === undefined || this.#catalog === undefined) return
    const trace = this.#find(request)
    if (trace === undefined) return
    try {
      addToTrace(trace, seen, statement, this.#readShape(text), this.#catalog, seen.site)
    } catch {
      // Values of types that an application parses itself may do anything.
      // Followed from its middle it would look as if it had locked nothing.
      trace.isOverflowing = true
    }
  }

  #readShape(text: string): Shape | undefined {
    const known = this.#shapes.get(text)
    if (known !== undefined) return known ?? undefined
    if (text.startsWith('/* holdfast:') || !this.#mayRead()) return undefined
    // Outside: the parser hands its tree over as JSON, which is not what the request has brought.
    const parsed = runOutside(() => this.#options.parser.parse(text))
    const shape = readShape(parsed ?? [], this.#catalog as Catalog) ?? null
    if (this.#shapes.size >= MOST_SHAPES) this.#shapes.delete(this.#shapes.keys().next().value as string)
    this.#shapes.set(text, shape)
    return shape ?? undefined
  }

  /** So many new texts in a second, however long a stretch is. */
  #mayRead(): boolean {
    const second = Math.floor(performance.now() / 1_000)
    if (second !== this.#second) [this.#second, this.#new] = [second, 0]
    return ++this.#new <= MOST_NEW_PER_SECOND
  }

  endRequest(request: RequestContext): void {
    const trace = this.#traces.get(request)
    if (trace === undefined) return
    this.#traces.delete(request)
    if (this.#catalog === undefined || trace.isOverflowing || request.status >= 500) return
    try {
      for (const link of this.#book.note(trace, request.route, this.#catalog)) this.#overlaps.note(request, link)
    } catch {
      // As above: whoever watches breaks nothing.
    }
  }

  /** Pairs of routes that can collide, and those that something keeps apart. */
  judge(): Verdict[] {
    return this.#catalog === undefined ? [] : judgePairs(this.#book.links, this.#book.writes, this.#catalog)
  }

  /** What is to be told, the worst first. */
  findClashes(): Clash[] {
    return describeClashes(this.judge(), this.#overlaps)
  }

  stats(): ClashStats {
    return { followed: this.#traced }
  }

  /** The tables are known when this resolves. */
  async settle(): Promise<void> {
    await this.#reading
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#isOn = false
    this.#leaveSites()
    this.#leaveParsed()
    this.#leaveNative()
    // What is being read is of no use any more, and nobody waits for it.
    await Promise.resolve()
  }
}
