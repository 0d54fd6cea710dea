import type { PoolConfig } from 'pg'
import { runOutside, stderrLogger, type RequestContext } from '../core/early.js'
import type { Ears, Joined, RequestSink, WatchParts } from '../watch/process-watch.js'
import type { SeenStatement, StatementSink } from '../watch/observe-query.js'
import type { OwnStorage } from '../watch/storage.js'
import type { Watch } from '../watch/types.js'
import type { Settings } from './settings.js'

/** What happens before the parts that count are loaded; more than this is let go. */
const MOST_EARLY = 10_000

/** A program that ends sooner is left alone: Node waits for the parser's compilation before it lets a process end. */
const START_MS = 1_000

type Event = { seen: SeenStatement } | { request: RequestContext; ms: number }

const quiet = { ...stderrLogger, warn: () => {}, error: () => {} }

/** Takes what was seen, and brings it to a watch: made when it is known where to keep things, and not before. */
export class Recorder {
  readonly #settings: Settings
  #early: Event[] = []
  #hasSucceeded: boolean
  #isOffered = false
  #starting: Promise<void> | undefined
  #storage: OwnStorage | undefined
  #watch: Watch | undefined
  #see: StatementSink | undefined
  #endRequest: RequestSink | undefined

  constructor(settings: Settings) {
    this.#settings = settings
    this.#hasSucceeded = settings.url !== undefined
  }

  /** The first database that the application uses is where it is kept. */
  offerConfig(read: () => PoolConfig): void {
    if (this.#isOffered) return
    const { url } = this.#settings
    const config = url === undefined ? read() : { connectionString: url }
    this.#isOffered = true
    const startMs = Math.min(START_MS, this.#settings.flushMs ?? START_MS)
    const start = () => {
      this.#starting = this.#start(config)
    }
    runOutside(() => setTimeout(start, startMs).unref())
  }

  readonly see = (seen: SeenStatement): void => {
    if (!seen.isFailed) this.#hasSucceeded = true
    if (this.#see) return this.#see(seen)
    // Values and rows are the application's: they are not kept, not for a moment.
    if (this.#early.length < MOST_EARLY) this.#early.push({ seen: { ...seen, values: undefined, result: undefined } })
  }

  endRequest(request: RequestContext, ms: number): void {
    if (this.#endRequest) return this.#endRequest(request, ms)
    if (this.#settings.url !== undefined) this.offerConfig(() => ({}))
    if (this.#early.length < MOST_EARLY) this.#early.push({ request, ms })
  }

  async #start(config: PoolConfig): Promise<void> {
    try {
      const [{ openWatch }, { createAside, openStorage }] = await Promise.all([
        import('../watch/process-watch.js'),
        import('../watch/storage.js'),
      ])
      const { flushMs, isTalkative, blocking, clash } = this.#settings
      // Findings too: what the application prints is its own, and `holdfast watch` has them.
      const logger = isTalkative ? stderrLogger : quiet
      const storage = openStorage(config, stderrLogger, logger)
      this.#storage = storage
      const options = { logger, blocking, clash, ...(flushMs !== undefined && { flushMs }) }
      const parts: WatchParts = {
        storage,
        options,
        join: (ears) => this.#join(ears),
        connectAside: () => createAside(config),
        runRequest: () => Promise.reject(new Error('Requests come from the servers themselves.')),
        afterStop: () => storage.close(),
      }
      this.#watch = await openWatch(parts)
    } catch (error) {
      this.#early = []
      this.say(`holdfast does not watch this process: ${String(error)}`)
    }
  }

  #join({ see, endRequest }: Ears): Joined {
    this.#see = see
    this.#endRequest = endRequest
    const early = this.#early
    this.#early = []
    for (const event of early) {
      if ('seen' in event) see(event.seen)
      else endRequest(event.request, event.ms)
    }
    const leave = () => {
      this.#see = () => {}
      this.#endRequest = () => {}
    }
    return { leave }
  }

  /** Writes once more. */
  async close(): Promise<void> {
    const opened = await this.#open()
    if (opened?.storage.schema === 'ok') await opened.watch.stop()
    else await opened?.storage.close()
  }

  /** Writes what there is, and goes on. */
  async flush(): Promise<void> {
    const opened = await this.#open()
    if (opened?.storage.schema === 'ok') await opened.watch.flush()
  }

  /** Nothing may have been written before, so nothing opened. Asks no database that has not answered the application. */
  async #open(): Promise<{ storage: OwnStorage; watch: Watch } | undefined> {
    await this.#starting
    const [storage, watch] = [this.#storage, this.#watch]
    if (storage === undefined || watch === undefined || !this.#hasSucceeded) return undefined
    await storage.open()
    return { storage, watch }
  }

  say(sentence: string): void {
    if (this.#settings.isTalkative) process.stderr.write(`${sentence}\n`)
  }
}
