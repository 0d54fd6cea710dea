import type { Outbox } from './outbox.js'
import type { WaitingSignal } from './records.js'

type Offer = (signals: readonly WaitingSignal[]) => void

/** Signals of one saga that nobody has taken, and the steps that wait for one. */
export class Inbox {
  readonly #outbox: Outbox
  readonly #waits = new Map<number, Offer>()
  readonly #reserved = new Set<string>()
  #signals: readonly WaitingSignal[]
  /** How many were ever sent to it, as far as is known here. */
  #seen: number

  constructor(outbox: Outbox, seen: number, signals: readonly WaitingSignal[]) {
    this.#outbox = outbox
    this.#seen = seen
    this.#signals = signals
  }

  get seen(): number {
    return this.#seen
  }

  get isWaiting(): boolean {
    return this.#waits.size > 0
  }

  /** Offers what is there, and later what comes. */
  wait(seq: number, offer: Offer): void {
    this.#waits.set(seq, offer)
    offer(this.#signals)
  }

  endWait(seq: number): void {
    this.#waits.delete(seq)
  }

  /** False: another step has it. */
  reserve({ id }: WaitingSignal): boolean {
    if (this.#reserved.has(id)) return false
    this.#reserved.add(id)
    this.#signals = this.#signals.filter((signal) => signal.id !== id)
    return true
  }

  /** One that was reserved. `seq` 0: it did not fit. */
  take(signal: WaitingSignal, seq: number): void {
    this.#outbox.addTaken({ signal: signal.id, seq })
  }

  note(amount: number, waiting: readonly WaitingSignal[]): void {
    // Of two who looked, the one that looked earlier may answer later.
    if (amount < this.#seen) return
    this.#seen = amount
    this.#signals = waiting.filter(({ id }) => !this.#reserved.has(id))
    for (const offer of this.#waits.values()) offer(this.#signals)
  }
}
