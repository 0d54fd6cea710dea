import { Inbox } from './inbox.js'
import { Outbox } from './outbox.js'
import type { Doing, Loaded, StepRecord, UndoRecord, Write } from './records.js'
import type { Leaving } from './run-types.js'
import type { SagaError, SagaState } from './types.js'

/** What becomes of a saga that is to leave its process. */
interface Final {
  state: SagaState
  /** Due then. @unit ms since the epoch */
  wake: number | null
  how: Leaving
}

/** The row of a saga as it is to be. */
export class Row {
  readonly id: string
  readonly fence: number
  readonly doing: Map<number, Doing>
  readonly outbox: Outbox
  readonly inbox: Inbox
  isUndoing: boolean
  /** That it is undone is written. */
  isDecided: boolean
  isPivoted: boolean
  error: SagaError | null
  /** JSON text. */
  output: string | undefined
  isStarted: boolean
  #final: Final | undefined
  /** There came something to do while it was on its way to rest. */
  #wantsToStay = false

  constructor(loaded: Loaded, isStarted: boolean) {
    this.id = loaded.id
    this.fence = loaded.fence
    this.doing = new Map(loaded.doing.map((doing) => [doing.seq, { ...doing }]))
    this.isUndoing = loaded.is_undoing
    this.isDecided = loaded.is_undoing
    this.isPivoted = loaded.is_pivoted
    this.error = loaded.error
    this.isStarted = isStarted
    this.outbox = new Outbox(isStarted)
    this.inbox = new Inbox(this.outbox, loaded.signals, loaded.waiting ?? [])
  }

  get final(): Final | undefined {
    return this.#final
  }

  /** With the next write it leaves this process. */
  leave(state: SagaState, how: Leaving, wake: number | null = null): void {
    this.#final = { state, how, wake }
    this.outbox.touch()
  }

  stay(): void {
    this.#final = undefined
    this.#wantsToStay = false
  }

  /**
   * It was about to rest, and now there is something to do. When that is on its way to the database it is too late, and the
   * database compares, unless it comes back unwritten; an earlier write on its way says nothing of resting.
   */
  stayAwake(): void {
    if (this.#final?.how !== 'parked') return
    if (this.outbox.flight?.isFinal === true) this.#wantsToStay = true
    else this.stay()
  }

  /** Everything is undone, or what is left is for a person; or the next try at it is later. */
  endUndoing(state: 'compensated' | 'stuck' | 'compensating', wake: number | null = null): void {
    this.leave(state, state === 'compensating' ? 'parked' : state, wake)
  }

  get hasNews(): boolean {
    return this.outbox.isDirty || this.#final !== undefined
  }

  takeWrite(): Write {
    const final = this.#final
    const hasEnded = final?.how === 'done' || final?.how === 'compensated'
    return {
      id: this.id,
      fence: this.fence,
      doing: hasEnded ? [] : [...this.doing.values()],
      state: final?.state ?? (this.isUndoing ? 'compensating' : 'running'),
      leaves: final !== undefined,
      seen: this.inbox.seen,
      wake: final?.wake ?? null,
      isUndoing: this.isUndoing,
      isPivoted: this.isPivoted,
      output: final?.state === 'done' ? this.output : undefined,
      error: this.error,
      ...this.outbox.take(final !== undefined),
    }
  }

  /** Nothing of the write was done; it is part of the next one, but for what is left out. */
  putBack(isDropped?: (record: StepRecord | UndoRecord) => boolean): void {
    this.outbox.putBack(isDropped)
    // Sent again it would say that it knows of the signal that is being looked at, and nobody would ever take that.
    if (this.#wantsToStay) this.stay()
  }
}
