import { AsyncLocalStorage } from 'node:async_hooks'
import type { GateFix, GateStatement } from '../fix/types.js'

/** What a request of a replay does: it stops in front of each statement until it is let through. */
export interface Arrival {
  text: string
  /** A write by itself that its driver cannot send in two halves: the database holds it up in front of its commit. */
  holdsCommit: boolean
  pass: () => void
  /** It fails instead of being sent. */
  refuse: () => void
}

export interface Running {
  text: string
  /** Of the session, once it is known. */
  readPid: () => number | undefined
  /** `held`: it has done its work, and stands in front of its commit. */
  hold: 'none' | 'held' | 'over'
}

export interface Ended {
  text: string
  code: string | undefined
  wasHeld: boolean
}

export interface ArrivalOptions {
  readPid: () => number | undefined
  holdsCommit?: boolean
}

/** What a gate knows of a request: in this process, or of one whose controller is elsewhere. */
export interface GateSide {
  readonly fix: GateFix | undefined
  readonly earlier: GateStatement['earlier'][number][]
  /** Resolves when it is let through. */
  arrive(text: string, options: ArrivalOptions): Promise<Running>
  leave(running: Running, error?: unknown): void
}

export const makeRunning = (text: string, readPid: Running['readPid']): Running => ({ text, readPid, hold: 'none' })

const sides = new AsyncLocalStorage<Side>()
let finder: (() => GateSide | undefined) | undefined

/** Where requests come from elsewhere, their side is known by something else than the scope that we opened. */
export function findSidesBy(find: () => GateSide | undefined): void {
  finder = find
}

export const currentOwnSide = (): Side | undefined => sides.getStore()
export const currentSide = (): GateSide | undefined => sides.getStore() ?? finder?.()

/** One of the two requests, as its controller sees it. Whatever happens to it wakes up who waits for it. */
export class Side implements GateSide {
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
  async arrive(text: string, { readPid, holdsCommit = false }: ArrivalOptions): Promise<Running> {
    // What a request leaves behind after its answer must not stand here for ever.
    if (!this.isFree && !this.hasEnded)
      await new Promise<void>((pass, reject) => {
        this.arrivals.push({ text, holdsCommit, pass, refuse: () => reject(makeRefusal()) })
        this.#tell()
      })
    const running = makeRunning(text, readPid)
    this.running.add(running)
    return running
  }

  leave(running: Running, error?: unknown): void {
    const code = error === undefined ? undefined : readCode(error)
    if (code !== undefined && this.fix?.retryOn?.includes(code)) this.wantsRetry = true
    this.running.delete(running)
    if (!this.isFree) this.done.push({ text: running.text, code, wasHeld: running.hold !== 'none' })
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

/** Of the gate, instead of an answer of the database. */
export const makeRefusal = (): Error =>
  Object.assign(new Error('The replay does not let this statement through: it cannot be undone.'), { code: '0A000' })

export function readCode(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : 'XX000'
}
