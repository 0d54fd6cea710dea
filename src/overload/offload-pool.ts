import { access } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Piscina } from 'piscina'
import { currentRequest, stderrLogger, validateOptions, type RequestContext } from '../core/index.js'
import { overloadError } from './errors.js'
import { closedError, explainFailure, rebuildError } from './offload-errors.js'
import type { OffloadAnswer, OffloadTask } from './offload-task.js'
import { offloadPoolOptionTable, overloadDefaults } from './options.js'
import { Turnstile } from './turnstile.js'
import type { OffloadPool, OffloadPoolOptions, OffloadRoute, OffloadRunOptions, OffloadStats } from './types.js'

const MOST_ROUTES = 100
const OTHER_ROUTES = '(others)'
const SHOWN = 10

/**
 * Worker threads for `offload`. A process needs one: that of `offload` without a pool. Another one is for work that must
 * not wait behind the rest.
 *
 * @throws HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID
 */
export function createOffloadPool(options: OffloadPoolOptions = {}): OffloadPool {
  validateOptions('createOffloadPool', options, offloadPoolOptionTable)
  return new ThreadPool(options)
}

let shared: ThreadPool | undefined

/** The one that `offload` uses where it is given none. */
export function sharedOffloadPool(): OffloadPool {
  return (shared ??= new ThreadPool({}))
}

export class ThreadPool implements OffloadPool {
  readonly #options: OffloadPoolOptions
  readonly #turnstile: Turnstile
  readonly #running = new Set<Promise<unknown>>()
  readonly #counts = { done: 0, failed: 0, timeouts: 0, aborted: 0 }
  readonly #routes = new Map<string, OffloadRoute>()
  #piscina: Promise<Piscina> | undefined
  #isClosed = false

  constructor(options: OffloadPoolOptions) {
    const { threads = Math.max(1, availableParallelism() - 1), maxQueue = overloadDefaults.offloadQueue } = options
    this.#options = options
    // Its queue and not that of the pool: there those that can be aborted wait in a list that has no bound.
    this.#turnstile = new Turnstile(threads, maxQueue, (queued) =>
      overloadError(
        'HF_OVERLOAD_QUEUE_FULL',
        `${threads} threads are at work and ${queued} calls wait, as many as may.`,
        {
          details: { threads, queued, maxQueue },
        },
      ),
    )
  }

  async run(task: OffloadTask, deadlineMs: number, { signal, transfer = [] }: OffloadRunOptions): Promise<unknown> {
    if (this.#isClosed) throw closedError()
    signal?.throwIfAborted()
    const request = currentRequest()
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), deadlineMs)
    timer.unref()
    const either = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal
    try {
      const result = await this.#turnstile.run(() => this.#runNow(task, either, transfer, request), { signal: either })
      this.#counts.done++
      return result
    } catch (error) {
      if (signal?.aborted) {
        this.#counts.aborted++
        throw signal.reason
      }
      if (deadline.signal.aborted) {
        this.#counts.timeouts++
        throw overloadError('HF_OVERLOAD_DEADLINE', `The function did not end within ${deadlineMs} ms.`, {
          details: { deadlineMs },
        })
      }
      this.#counts.failed++
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  stats(): OffloadStats {
    const { running, queued, refused, max: threads } = this.#turnstile
    const routes = [...this.#routes.values()].toSorted((a, b) => b.totalMs - a.totalMs).slice(0, SHOWN)
    return { threads, running, queued, ...this.#counts, refused, routes: routes.map((route) => ({ ...route })) }
  }

  async close({ force = false }: { force?: boolean } = {}): Promise<void> {
    this.#isClosed = true
    this.#turnstile.failAll(closedError())
    if (!force) await Promise.allSettled(this.#running)
    // Where it could not be loaded there is nothing to end.
    const piscina = await this.#piscina?.catch(() => undefined)
    await piscina?.destroy()
  }

  async #runNow(
    task: OffloadTask,
    signal: AbortSignal,
    transfer: readonly object[],
    request: RequestContext | undefined,
  ): Promise<unknown> {
    const began = performance.now()
    const running = this.#ask(task, signal, transfer)
    this.#running.add(running)
    try {
      const answer = await running
      if ('error' in answer) throw rebuildError(answer.error)
      return answer.result
    } catch (error) {
      throw explainFailure(error, this.#isClosed)
    } finally {
      this.#running.delete(running)
      if (request) this.#countRoute(request, performance.now() - began)
    }
  }

  async #ask(task: OffloadTask, signal: AbortSignal, transfer: readonly object[]): Promise<OffloadAnswer> {
    this.#piscina ??= this.#start()
    const piscina = await this.#piscina
    return (await piscina.run(task, { signal, transferList: transfer as never })) as OffloadAnswer
  }

  async #start(): Promise<Piscina> {
    const { Piscina } = await loadPiscina()
    const { idleMs = overloadDefaults.idleMs, maxMemoryMb } = this.#options
    const piscina = new Piscina({
      filename: await findThread(),
      minThreads: 0,
      maxThreads: this.#turnstile.max,
      idleTimeout: idleMs,
      ...(maxMemoryMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb } }),
    })
    // Of a thread that had nothing to do: nobody else would hear of it.
    piscina.on('error', (error: Error) => stderrLogger.warn({ err: error.message }, 'a worker thread failed'))
    return piscina
  }

  /** Told at the end: a router knows the route late. */
  #countRoute({ route }: RequestContext, ms: number): void {
    const name = this.#routes.has(route) || this.#routes.size < MOST_ROUTES ? route : OTHER_ROUTES
    const counts = this.#routes.get(name) ?? { route: name, calls: 0, totalMs: 0 }
    counts.calls++
    counts.totalMs += ms
    this.#routes.set(name, counts)
  }
}

async function loadPiscina() {
  try {
    return await import('piscina')
  } catch (cause) {
    throw overloadError('HF_OVERLOAD_PISCINA', 'offload() needs the package piscina.', { cause })
  }
}

/** Beside this file, or where sources are run as they are, in the build: a thread has no loader for them. */
async function findThread(): Promise<string> {
  const beside = fileURLToPath(new URL('./offload-thread.js', import.meta.url))
  const isThere = await access(beside).then(
    () => true,
    () => false,
  )
  return isThere ? beside : fileURLToPath(new URL('../../dist/overload/offload-thread.js', import.meta.url))
}
