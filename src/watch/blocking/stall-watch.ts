import inspector from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { currentRequest, hearBeats, type RequestContext } from '../../core/early.js'
import { BEATS, CELLS, IS_BUSY, SLEEPS, type StallReport, type WatchdogStart } from './beat.js'

/** The paused thread is asked for it, wherever it is: a name that no application has. */
const requestSymbol = 'holdfast.watch.request'
const requestExpression = `globalThis[Symbol.for(${JSON.stringify(requestSymbol)})]()`

/** The worker's own memory: it keeps nothing but a session for a moment. */
const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 }

/** Stalls that are looked at and not told yet: one, and a few that were too short. */
const MOST_ASKED = 20

export interface StallWatchOptions {
  /** Is told of each time that the loop stood still for longer, and for which request. */
  onStall: (stall: StallReport, request: RequestContext | undefined) => void
  /** There is no such thread here. */
  onGone?: () => void
  /** A loop that does not turn for so long is looked at. Default: 30. @unit ms */
  lookAfterMs?: number
  /** Shorter ones are not told. Default: 50. @unit ms */
  leastMs?: number
}

/**
 * A thread that looks whether this one's event loop turns while requests are under way. Where it does not, it stops this
 * thread for a moment, in the middle of what blocks it, and reads what that is and for which request. Nothing where
 * somebody debugs the process: a breakpoint is no stall, and there is one place for a debugger.
 */
export class StallWatch {
  readonly #options: StallWatchOptions
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT))
  readonly #leave: () => void
  #worker: Worker | undefined
  /** Whoever ran when it was asked, until the stall is told: its route may not be known yet. */
  readonly #asked = new Map<number, RequestContext>()
  #asks = 0

  constructor(options: StallWatchOptions) {
    this.#options = options
    ;(globalThis as Record<symbol, unknown>)[Symbol.for(requestSymbol)] = () => this.#noteRequest()
    this.#leave = hearBeats((isBusy) => this.#beat(isBusy))
  }

  /** Called by the other thread, in the middle of whatever runs. */
  #noteRequest(): number {
    const request = currentRequest()
    if (request === undefined) return 0
    this.#asks++
    // What was not told, as it was short, is let go.
    this.#asked.delete(this.#asks - MOST_ASKED)
    this.#asked.set(this.#asks, request)
    return this.#asks
  }

  #beat(isBusy: boolean): void {
    const cells = this.#cells
    cells[BEATS] = (cells[BEATS] as number) + 1
    if (!isBusy) return void Atomics.store(cells, IS_BUSY, 0)
    Atomics.store(cells, IS_BUSY, inspector.url() === undefined ? 1 : 0)
    // Started with the first request: a program that never has one has no thread more.
    this.#worker ??= this.#start()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    if (Atomics.exchange(cells, SLEEPS, 0) === 1) this.#worker.postMessage('look')
  }

  #start(): Worker {
    const { lookAfterMs = 30, leastMs = 50, onStall, onGone } = this.#options
    const cells = this.#cells.buffer
    const workerData: WatchdogStart = { cells, lookAfterMs, leastMs, requestExpression }
    // No flags of the process: `--import holdfast/register` is not for this thread, nor is anybody's debugger.
    const worker = new Worker(new URL('./watchdog-worker.js', import.meta.url), {
      name: 'holdfast-watchdog',
      workerData,
      execArgv: [],
      env: {},
      resourceLimits,
    })
    worker.on('message', (stall: StallReport) => {
      const request = this.#asked.get(stall.request)
      this.#asked.delete(stall.request)
      onStall(stall, request)
    })
    // Of an application that was bundled into one file: the thread's is not there, and stalls are not seen.
    worker.on('error', () => {
      this.#leave()
      onGone?.()
    })
    worker.unref()
    return worker
  }

  /** A process that ends while a session is open waits for its debugger. */
  async close(): Promise<void> {
    this.#leave()
    delete (globalThis as Record<symbol, unknown>)[Symbol.for(requestSymbol)]
    Atomics.store(this.#cells, IS_BUSY, 0)
    await this.#worker?.terminate()
  }
}
