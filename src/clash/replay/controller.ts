import { clashError } from '../errors.js'
import type { ReplayStep } from '../types.js'
import type { Schedule } from './schedules.js'
import type { Side } from './side.js'

/** A statement that has not come back for so long is asked after. @unit ms */
const ASK_AFTER_MS = 1.5
/** A request that sends nothing for so long may wait for the other one: for a connection, say. @unit ms */
const QUIET_MS = 60
/** Retries of an application run in circles. */
const MOST_STEPS = 300

export interface ControllerParts {
  isBlocked: (pid: number) => Promise<boolean>
  start: Readonly<Record<'A' | 'B', (side: Side) => void>>
  signal: AbortSignal
}

type State = 'ended' | 'ready' | 'waits' | 'quiet'

/** Drives two requests through a schedule, one statement at a time. */
export class Controller {
  readonly #parts: ControllerParts
  readonly #sides: Readonly<Record<'A' | 'B', Side>>
  readonly steps: ReplayStep[] = []
  readonly #waiting = new Set<Side>()

  constructor(sides: Readonly<Record<'A' | 'B', Side>>, parts: ControllerParts) {
    this.#sides = sides
    this.#parts = parts
  }

  async run(schedule: Schedule): Promise<void> {
    for (const { side, steps } of schedule) await this.#take(this.#sides[side], steps)
    await this.#finish()
  }

  /** Its turn. Where it waits for the other, that one has to go on first. */
  async #take(side: Side, steps: number): Promise<void> {
    const other = side.name === 'A' ? this.#sides.B : this.#sides.A
    for (let done = 0; done < steps;) {
      const state = await this.#settle(side)
      if (state === 'ended') return
      if (state === 'ready') {
        await this.#pass(side)
        done++
        continue
      }
      const theirs = await this.#settle(other)
      if (theirs === 'ready') await this.#pass(other)
      else await this.#sleep(side, other)
    }
  }

  async #finish(): Promise<void> {
    for (const side of Object.values(this.#sides)) await this.#take(side, Infinity)
  }

  #mayStart(side: Side): boolean {
    const other = side.name === 'A' ? this.#sides.B : this.#sides.A
    return side.fix?.excludes !== true || !other.hasStarted || other.hasEnded
  }

  /** Runs until it stands in front of a statement, waits, or has ended. */
  async #settle(side: Side): Promise<State> {
    if (!side.hasStarted) {
      if (!this.#mayStart(side)) return 'waits'
      this.#parts.start[side.name](side)
    }
    const quietAt = performance.now() + QUIET_MS
    for (;;) {
      this.#parts.signal.throwIfAborted()
      this.#note(side)
      if (side.hasEnded && side.running.size === 0) return 'ended'
      if (side.running.size > 0) {
        if (await this.#isWaiting(side)) return side.arrivals.length > 0 ? 'ready' : 'waits'
        continue
      }
      if (side.arrivals.length > 0) return 'ready'
      if (performance.now() > quietAt) return 'quiet'
      await side.news(QUIET_MS)
    }
  }

  /** Whether its statement waits for a lock; resolves as soon as it comes back. */
  async #isWaiting(side: Side): Promise<boolean> {
    await side.news(ASK_AFTER_MS)
    for (const running of side.running) {
      if (running.pid === undefined || !(await this.#parts.isBlocked(running.pid))) continue
      if (!side.running.has(running)) continue
      if (!this.#waiting.has(side)) this.steps.push({ side: side.name, text: running.text, event: 'waits' })
      this.#waiting.add(side)
      return true
    }
    return false
  }

  #note(side: Side): void {
    for (const { text, code } of side.done.splice(0)) {
      this.#waiting.delete(side)
      this.steps.push({ side: side.name, text, event: code === undefined ? 'done' : 'failed', ...(code && { code }) })
    }
  }

  async #pass(side: Side): Promise<void> {
    if (this.steps.length > MOST_STEPS) throw describeEndless(side)
    side.arrivals.shift()?.pass()
    // The driver sends it in this turn or the next.
    await side.news(ASK_AFTER_MS)
    await this.#settle(side)
  }

  /** Both wait: PostgreSQL ends a circle, and a request may wait for something else. */
  async #sleep(...sides: Side[]): Promise<void> {
    this.#parts.signal.throwIfAborted()
    await Promise.race(sides.map(async (side) => await side.news(5)))
  }

  get signature(): string {
    return this.steps.map(({ side, event }) => `${side}${event[0] ?? ''}`).join('')
  }
}

function describeEndless(side: Side) {
  const last = side.running.values().next().value?.text ?? side.arrivals[0]?.text ?? 'no statement'
  return clashError(
    'HF_CLASH_DEADLINE',
    `The requests ran more than ${MOST_STEPS} statements; the last: ${last.slice(0, 200)}`,
  )
}
