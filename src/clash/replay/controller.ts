import { clashError } from '../errors.js'
import type { Block } from '../store.js'
import type { ReplayStep } from '../types.js'
import type { Schedule } from './schedules.js'
import type { Running, Side } from './side.js'
import { cannotBeUndone } from './statements.js'

/** A statement that has not come back for so long is asked after. @unit ms */
const ASK_AFTER_MS = 1.5
/** One that is to stop in front of its commit comes there, where it changes something, and does not come back. @unit ms */
const ASK_HELD_MS = 0.7
/** Retries of an application run in circles. */
const MOST_STEPS = 300

/** Who waits, and who has to wait in front of its commit. */
export interface Commits {
  findBlock: (pid: number) => Promise<Block>
  hold: () => Promise<void>
  holdOne: (pid: number) => Promise<void>
  endHolding: () => Promise<void>
  let: (pid: number) => Promise<void>
}

export interface ControllerParts {
  commits: Commits
  /** A request that sends nothing for so long may wait for the other one: for a connection, say. @unit ms */
  quietMs: number
  start: Readonly<Record<'A' | 'B', (side: Side) => void>>
  signal: AbortSignal
}

type State = 'ended' | 'ready' | 'waits' | 'quiet'

/** Drives two requests through a schedule, one statement at a time. */
export class Controller {
  readonly #parts: ControllerParts
  readonly #sides: Readonly<Record<'A' | 'B', Side>>
  readonly steps: ReplayStep[] = []
  longestQuietMs = 0
  readonly #waiting = new Set<Side>()
  /** Those whose statement is to stop in front of its commit, and has not come there. */
  readonly #holding = new Set<Side>()

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
      // It connects, or the machine is slow: one that has not begun holds nothing, and an order would be none any more.
      if (state === 'quiet' && !other.hasStarted) continue
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
    const startedAt = performance.now()
    for (;;) {
      this.#parts.signal.throwIfAborted()
      this.#note(side)
      // Before all else: one that ends with a statement that has changed nothing would leave commits held for ever.
      if (side.running.size === 0) await this.#endHolding(side)
      if (side.hasEnded && side.running.size === 0) return 'ended'
      if (side.running.size > 0) {
        const block = await this.#ask(side)
        if (block === 'commit') return 'ready'
        if (block === 'lock') return side.arrivals.length > 0 ? 'ready' : 'waits'
        continue
      }
      this.longestQuietMs = Math.max(this.longestQuietMs, performance.now() - startedAt)
      if (side.arrivals.length > 0) return 'ready'
      if (performance.now() - startedAt > this.#parts.quietMs) return 'quiet'
      await side.news(this.#parts.quietMs)
    }
  }

  /** What its statement waits for; resolves as soon as it comes back. */
  async #ask(side: Side): Promise<Block> {
    if (findHeld(side)) return 'commit'
    await side.news(this.#holding.has(side) ? ASK_HELD_MS : ASK_AFTER_MS)
    for (const running of side.running) {
      const pid = running.readPid()
      const block = pid === undefined ? 'none' : await this.#parts.commits.findBlock(pid)
      if (block === 'none' || !side.running.has(running)) continue
      if (block === 'commit') {
        await this.#stopAtCommit(side, running, pid as number)
        return block
      }
      if (!this.#waiting.has(side)) this.steps.push({ side: side.name, text: running.text, event: 'waits' })
      this.#waiting.add(side)
      return block
    }
    return 'none'
  }

  async #stopAtCommit(side: Side, running: Running, pid: number): Promise<void> {
    const { commits } = this.#parts
    running.hold = 'held'
    this.#waiting.delete(side)
    this.steps.push({ side: side.name, text: running.text, event: 'done' })
    await commits.holdOne(pid)
    this.#holding.delete(side)
    // The other one's statement is to stop as well.
    if (this.#holding.size > 0) await commits.hold()
  }

  /** It came back without a commit: it is inside of a transaction, or has changed nothing. */
  async #endHolding(side: Side): Promise<void> {
    if (this.#holding.delete(side) && this.#holding.size === 0) await this.#parts.commits.endHolding()
  }

  #note(side: Side): void {
    for (const { text, code, wasHeld } of side.done.splice(0)) {
      this.#waiting.delete(side)
      this.steps.push({
        side: side.name,
        text: wasHeld ? 'commit' : text,
        event: code === undefined ? 'done' : 'failed',
        ...(code && { code }),
      })
    }
  }

  async #pass(side: Side): Promise<void> {
    if (this.steps.length > MOST_STEPS) throw describeEndless(side)
    const held = findHeld(side)
    if (held) {
      held.hold = 'over'
      await this.#parts.commits.let(held.readPid() as number)
    } else await this.#passNext(side)
    await this.#settle(side)
  }

  async #passNext(side: Side): Promise<void> {
    const next = side.arrivals.shift()
    if (next && cannotBeUndone(next.text)) {
      next.refuse()
      throw clashError('HF_CLASH_UNDO', `A request would have run \`${next.text.trim().slice(0, 80)}\`.`)
    }
    if (next?.holdsCommit) {
      if (this.#holding.size === 0) await this.#parts.commits.hold()
      this.#holding.add(side)
    }
    next?.pass()
    // The driver sends it in this turn or the next.
    if (next) await side.news(next.holdsCommit ? ASK_HELD_MS : ASK_AFTER_MS)
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

const findHeld = (side: Side): Running | undefined => [...side.running].find(({ hold }) => hold === 'held')

function describeEndless(side: Side) {
  const last = side.running.values().next().value?.text ?? side.arrivals[0]?.text ?? 'no statement'
  return clashError(
    'HF_CLASH_DEADLINE',
    `The requests ran more than ${MOST_STEPS} statements; the last: ${last.slice(0, 200)}`,
  )
}
