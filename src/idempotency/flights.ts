import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './store.js'

/** What became of a flight: what it stored; undefined: nothing, it failed. */
export type Landed = Answer | undefined

export interface Flight {
  fingerprint: Buffer
  landed: Promise<Landed>
}

/** Requests of this process that are under way: a twin waits for them here, and is answered without asking the database. */
export class Flights {
  readonly #byKey = new Map<string, Flight>()

  find(name: string): Flight | undefined {
    return this.#byKey.get(name)
  }

  /** Runs while twins see it. What `body` throws they are not told. */
  async fly<T>(name: string, fingerprint: Buffer, body: (land: (answer: Answer) => void) => Promise<T>): Promise<T> {
    let stored: Landed
    let end!: (landed: Landed) => void
    const landed = new Promise<Landed>((resolve) => (end = resolve))
    this.#byKey.set(name, { fingerprint, landed })
    try {
      return await body((answer) => (stored = answer))
    } finally {
      this.#byKey.delete(name)
      end(stored)
    }
  }
}

export const WAITED = Symbol('waited')

/** What became of it, or WAITED after `ms`. @throws the signal's reason */
export async function awaitFlight(
  { landed }: Flight,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<Landed | typeof WAITED> {
  const stop = new AbortController()
  const both = signal ? AbortSignal.any([stop.signal, signal]) : stop.signal
  try {
    return await Promise.race([landed, sleep(ms, WAITED, { signal: both })])
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  } finally {
    stop.abort()
  }
}
