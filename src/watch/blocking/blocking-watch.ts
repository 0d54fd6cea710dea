import { isMainThread } from 'node:worker_threads'
import { hearBeats } from '../../core/early.js'
import { Histogram, type Logger, type RequestContext } from '../../core/index.js'
import type { Finding } from '../findings.js'
import type { SeenStatement } from '../observe-query.js'
import type { Statement } from '../parser.js'
import { describeStall } from './describe-stall.js'
import { describeOutliving } from './outliving.js'
import { PoolCulprits } from './pool-culprits.js'
import { followTransaction, noteHeldStatement } from './pool-holds.js'
import { Rejections } from './rejections.js'
import { StallWatch, type StallWatchOptions } from './stall-watch.js'
import { SyncBook } from './sync-book.js'
import { hearSyncCalls } from './sync-calls.js'
import { Threadpool } from './threadpool.js'

/** The loop turns so often while requests are under way (core/loop-lateness.ts). */
const BEAT_MS = 10

export interface BlockingStats {
  /** Share of the time that the event loop worked, since the last flush. */
  utilisation: number
  /** How late the event loop turned while requests were under way, since the last flush. @unit ms */
  loopDelayP99Ms: number
  loopDelayMaxMs: number
  /** What a call of a file waited for a thread of libuv, the last time that it was tried. @unit ms */
  threadpoolWaitMs: number
}

/** The finding of a request is told when its route is known. */
export type RequestFindingSink = (finding: Finding, request: RequestContext | undefined) => void

/** All that tells what keeps requests waiting without the CPU or the database being busy for them. */
export class BlockingWatch {
  readonly #report: RequestFindingSink
  /** Of another thread than the main one the inspector knows nothing. */
  readonly #stalls: StallWatch | undefined
  readonly #sync = new SyncBook()
  readonly #threadpool: Threadpool
  readonly #culprits = new PoolCulprits()
  readonly #rejections: Rejections
  readonly #leaves: (() => void)[]
  #turnedAt: number | undefined
  #delays = new Histogram()
  #mostDelayMs = 0
  #utilisation = performance.eventLoopUtilization()

  constructor(report: RequestFindingSink, logger: Logger) {
    this.#report = report
    const onGone = () =>
      logger.warn(
        {},
        'The thread that looks for a blocked event loop could not be started; is the application bundled?',
      )
    const onStall: StallWatchOptions['onStall'] = (stall, request) => {
      const finding = describeStall(stall)
      if (finding) report(finding, request)
    }
    if (isMainThread) this.#stalls = new StallWatch({ onStall, onGone })
    this.#threadpool = new Threadpool((finding) => report(finding, undefined))
    this.#rejections = new Rejections(report, logger)
    this.#leaves = [hearSyncCalls((...call) => this.#sync.note(...call)), hearBeats((isBusy) => this.#turn(isBusy))]
  }

  #turn(isBusy: boolean): void {
    const now = performance.now()
    const lateMs = this.#turnedAt === undefined ? 0 : Math.max(0, now - this.#turnedAt - BEAT_MS)
    this.#turnedAt = isBusy ? now : undefined
    if (!isBusy) return
    this.#delays.record(lateMs)
    this.#mostDelayMs = Math.max(this.#mostDelayMs, lateMs)
    this.#threadpool.turn(now, lateMs)
  }

  observe(seen: SeenStatement, statement: Statement): void {
    if (seen.driver === 'postgres.js') followTransaction(seen)
    noteHeldStatement(seen.client, seen.ms)
    this.#stalls?.step()
    if (seen.request?.watched !== 'ended') return
    const outliving = describeOutliving(seen, statement)
    if (outliving) this.#report(outliving, undefined)
  }

  endRequest(request: RequestContext): void {
    this.#culprits.endRequest(request)
  }

  /** Judges what came since the last time; before findings are written. */
  judge(): void {
    for (const finding of [...this.#sync.takeFindings(), ...this.#culprits.takeFindings()])
      this.#report(finding, undefined)
    this.#delays = new Histogram()
    this.#mostDelayMs = 0
    this.#utilisation = performance.eventLoopUtilization()
  }

  stats(): BlockingStats {
    return {
      utilisation: performance.eventLoopUtilization(this.#utilisation).utilization,
      loopDelayP99Ms: this.#delays.percentileMs(0.99),
      loopDelayMaxMs: this.#mostDelayMs,
      threadpoolWaitMs: this.#threadpool.waitMs,
    }
  }

  async close(): Promise<void> {
    for (const leave of this.#leaves) leave()
    this.#threadpool.close()
    this.#culprits.close()
    this.#rejections.close()
    await this.#stalls?.close()
  }
}
