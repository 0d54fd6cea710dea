import { AsyncLocalStorage } from 'node:async_hooks'
import type { GateFix, GateStatement } from '../fix/types.js'

/** What a request of a replay does: it stops in front of each statement until it is let through. */
export interface Arrival {
  text: string
  /** The second half of a statement that was split: its commit. */
  isCommit: boolean
  pass(): void
}

export interface Running {
  text: string
  /** Of the session, once it is known. */
  pid: number | undefined
  startedAt: number
}

export interface Ended {
  text: string
  code: string | undefined
}

const sides = new AsyncLocalStorage<Side>()

export const currentSide = (): Side | undefined => sides.getStore()

/** One of the two requests, as its controller sees it. Whatever happens to it wakes up who waits for it. */
export class Side {
  readonly name: 'A' | 'B'
  readonly fix: GateFix | undefined
  /** Without stops, for measuring. */
  readonly isFree: boolean
  readonly arrivals: Arrival[] = []
  readonly running = new Set<Running>()
  /** Not yet looked at by the controller. */
  readonly done: Ended[] = []
  readonly earlier: GateStatement['earlier'][number][] = []
  hasStarted = false
  hasEnded = false
  /** A statement failed in a way that the fix answers by beginning again. */
  wantsRetry = false
  retries = 0
  status = 0
  body: unknown
  #wake: (() => void) | undefined

  constructor(name: 'A' | 'B', fix?: GateFix, isFree = false) {
    this.name = name
    this.fix = fix
    this.isFree = isFree
  }

  /** Runs the request in its own scope. Never throws. */
  start(run: () => Promise<{ status: number; body?: unknown }>): void {
    this.hasStarted = true
    void sides.run(this, async () => {
      for (;;) {
        this.wantsRetry = false
        const answer = await run().catch(() => ({ status: 500 }))
        this.status = answer.status
        this.body = 'body' in answer ? answer.body : undefined
        if (!this.wantsRetry || answer.status < 400 || this.retries >= 5) break
        this.retries++
      }
      this.hasEnded = true
      this.#tell()
    })
  }

  /** Resolves when it is let through. */
  async arrive(text: string, isCommit = false): Promise<Running> {
    if (!this.isFree)
      await new Promise<void>((pass) => {
        this.arrivals.push({ text, isCommit, pass })
        this.#tell()
      })
    const running: Running = { text, pid: undefined, startedAt: performance.now() }
    this.running.add(running)
    return running
  }

  leave(running: Running, error?: unknown): void {
    const code = error === undefined ? undefined : readCode(error)
    if (code !== undefined && this.fix?.retryOn?.includes(code)) this.wantsRetry = true
    this.running.delete(running)
    if (!this.isFree) this.done.push({ text: running.text, code })
    this.#tell()
  }

  #tell(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** Resolves with the next thing that happens to it, or after so long. */
  async news(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function readCode(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : 'XX000'
}
