import type { StepRecord, TakenSignal, UndoRecord } from './records.js'

/** What happened since the last write. */
export interface News {
  steps: StepRecord[]
  undone: UndoRecord[]
  taken: TakenSignal[]
}

/** What is being written. */
export interface Flight extends News {
  version: number
  isFinal: boolean
}

interface Waiter {
  version: number
  resolve: () => void
}

const noNews = (): News => ({ steps: [], undone: [], taken: [] })

/** What is to be written of one saga: one write at a time, in order. */
export class Outbox {
  #news = noNews()
  #flight: Flight | undefined
  /** Goes up with each change that is to be written. */
  #version = 1
  #durable = 0
  #durableWaiters: Waiter[] = []
  #turnWaiters: (() => void)[] = []

  constructor(isStarted: boolean) {
    if (isStarted) this.#durable = this.#version
  }

  get version(): number {
    return this.#version
  }

  get isDirty(): boolean {
    return this.#version > this.#durable
  }

  get flight(): Flight | undefined {
    return this.#flight
  }

  /** Something of the saga's row is another than before. */
  touch(): void {
    this.#version++
  }

  addStep(step: StepRecord): void {
    this.#news.steps.push(step)
    this.#version++
  }

  addUndone(record: UndoRecord): void {
    // The last one says it all; of two in one statement either would be kept.
    this.#news.undone = [...this.#news.undone.filter(({ seq }) => seq !== record.seq), record]
    this.#version++
  }

  addTaken(taken: TakenSignal): void {
    this.#news.taken.push(taken)
    this.#version++
  }

  take(isFinal: boolean): News {
    const news = this.#news
    this.#news = noNews()
    this.#flight = { ...news, version: this.#version, isFinal }
    return news
  }

  /** Nothing of it was written; without what `isDropped` says it is part of the next one. */
  putBack(isDropped: (record: StepRecord | UndoRecord) => boolean = () => false): void {
    const flight = this.#flight
    if (!flight) return
    this.#flight = undefined
    const isKept = (record: StepRecord | UndoRecord) => !isDropped(record)
    const isNewer = ({ seq }: UndoRecord) => this.#news.undone.some((newer) => newer.seq === seq)
    this.#news = {
      steps: [...flight.steps.filter(isKept), ...this.#news.steps],
      undone: [...flight.undone.filter((record) => isKept(record) && !isNewer(record)), ...this.#news.undone],
      taken: [...flight.taken, ...this.#news.taken],
    }
    this.passTurn()
  }

  /** What the server refuses is left out. */
  drop(): void {
    this.#news = { ...noNews(), taken: this.#news.taken }
  }

  /** It is written. Undefined: there was no such write. */
  land(): Flight | undefined {
    const flight = this.#flight
    this.#flight = undefined
    return flight
  }

  noteDurable(version: number): void {
    this.#durable = Math.max(this.#durable, version)
    const due = this.#durableWaiters.filter((waiter) => waiter.version <= this.#durable)
    this.#durableWaiters = this.#durableWaiters.filter((waiter) => waiter.version > this.#durable)
    for (const { resolve } of due) resolve()
  }

  async waitDurable(): Promise<void> {
    await new Promise<void>((resolve) => this.#durableWaiters.push({ version: this.#version, resolve }))
  }

  /** Until something may have changed of what keeps a write, or a step, waiting. */
  async waitTurn(): Promise<void> {
    await new Promise<void>((resolve) => this.#turnWaiters.push(resolve))
  }

  passTurn(): void {
    for (const resolve of this.#turnWaiters.splice(0)) resolve()
  }
}
