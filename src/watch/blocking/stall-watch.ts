import inspector from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { currentRequest, hearBeats, hearSteps, runOutside, type RequestContext } from '../../core/early.js'
import { BEATS, CELLS, IS_BUSY, SLEEPS, type Frame, type StillReport, type WatchdogStart } from './beat.js'
import type { Stall } from './describe-stall.js'
import { Collections, TOLD_AFTER_MS } from './collections.js'
import { timeNativeCalls } from './native-calls.js'
import { findSlowCall } from './slow-calls.js'
import { captureFrames } from './stack.js'

/** The main thread is asked by it, wherever it is: a name that no application has. */
const lookSymbol = 'holdfast.watch.look'

/** The worker's own memory: it keeps nothing but a session for a moment. */
const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 }

/** Looks that are not told yet: one, and a few of stalls that were too short. */
const MOST_LOOKS = 20

interface Look {
  frames: Frame[]
  request: RequestContext | undefined
}

export interface StallWatchOptions {
  /** Is told of each time that the loop stood still for longer, and for which request. */
  onStall: (stall: Stall, request: RequestContext | undefined) => void
  /** There is no such thread here. */
  onGone?: () => void
  /** A loop that does not turn for so long is looked at. Default: 30. @unit ms */
  lookAfterMs?: number
  /** Shorter ones are not told. Default: 50. @unit ms */
  leastMs?: number
}

/**
 * A thread that looks whether this one's event loop turns while requests are under way. Where it does not, it has this
 * thread read its own stack and request, in the middle of what blocks it: an inspector's `Runtime.evaluate` interrupts code
 * that runs. (To stop it with the debugger is more exact by a line, and costs 50 to 250 ms, as V8 tells of each script
 * first.) Native code is not interrupted; the calls that take long are timed where they are called. Nothing where somebody
 * debugs the process: a breakpoint is no stall.
 */
export class StallWatch {
  readonly #options: StallWatchOptions
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT))
  readonly #leaves: (() => void)[]
  #worker: Worker | undefined
  readonly #looks = new Map<number, Look>()
  #lastLook = 0
  readonly #collections = new Collections()

  constructor(options: StallWatchOptions) {
    this.#options = options
    ;(globalThis as Record<symbol, unknown>)[Symbol.for(lookSymbol)] = (beats: number) => this.#look(beats)
    this.#leaves = [hearBeats((isBusy) => this.#beat(isBusy)), hearSteps(() => this.step()), timeNativeCalls()]
  }

  /** Called by the other thread, in the middle of whatever runs. */
  #look(beats: number): number {
    // Native code has returned, and the loop has turned since: what runs now is somebody else.
    if (beats !== this.#cells[BEATS]) return 0
    this.#lastLook++
    // What was not told, as it was short, is let go.
    this.#looks.delete(this.#lastLook - MOST_LOOKS)
    const frames = captureFrames()
    // Up to the expression that was evaluated they are ours.
    const ours = frames.findIndex(({ name, url }) => name === '' && url === '')
    this.#looks.set(this.#lastLook, { frames: frames.slice(ours + 1), request: currentRequest() })
    return this.#lastLook
  }

  #tell({ ms, until, look, starvedMs }: StillReport): void {
    const looked = this.#looks.get(look)
    this.#looks.delete(look)
    const endedAt = until - performance.timeOrigin
    const call = findSlowCall(endedAt - ms, endedAt)
    const { frames, request } = call ?? looked ?? { frames: [], request: undefined }
    const tell = () => {
      // One call that makes so much garbage is to blame for that too.
      const collectedMs = call === undefined ? this.#collections.sumMs(endedAt - ms, endedAt) : 0
      this.#options.onStall({ ms, starvedMs, collectedMs, frames, call: call?.name }, request)
    }
    runOutside(() => setTimeout(tell, TOLD_AFTER_MS).unref())
  }

  /**
   * One thing has ended and another begins. A loop with much to do turns late without any of it being long: whoever happens
   * to run then is not to blame.
   */
  step(): void {
    this.#cells[BEATS] = (this.#cells[BEATS] as number) + 1
  }

  #leave(): void {
    for (const leave of this.#leaves) leave()
    this.#collections.close()
  }

  #beat(isBusy: boolean): void {
    const cells = this.#cells
    this.step()
    if (!isBusy) return void Atomics.store(cells, IS_BUSY, 0)
    Atomics.store(cells, IS_BUSY, inspector.url() === undefined ? 1 : 0)
    // Started with the first request: a program that never has one has no thread more.
    this.#worker ??= this.#start()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    if (Atomics.exchange(cells, SLEEPS, 0) === 1) this.#worker.postMessage('look')
  }

  #start(): Worker {
    const { lookAfterMs = 30, leastMs = 50, onGone } = this.#options
    const cells = this.#cells.buffer
    const workerData: WatchdogStart = { cells, lookAfterMs, leastMs, lookSymbol }
    // No flags of the process: `--import holdfast/register` is not for this thread, nor is anybody's debugger.
    const worker = new Worker(new URL('./watchdog-worker.js', import.meta.url), {
      name: 'holdfast-watchdog',
      workerData,
      execArgv: [],
      env: {},
      resourceLimits,
    })
    worker.on('message', (still: StillReport) => this.#tell(still))
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
    delete (globalThis as Record<symbol, unknown>)[Symbol.for(lookSymbol)]
    Atomics.store(this.#cells, IS_BUSY, 0)
    await this.#worker?.terminate()
  }
}
