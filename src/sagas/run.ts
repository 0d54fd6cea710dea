import type { AnyDefinition } from './define-saga.js'
import { describeCancel, describeChange, describeDuplicate, describeStall, describeTimeout } from './faults.js'
import { History } from './history.js'
import { SHORT_MS } from './pauses.js'
import { decode, describeError, encode, reviveError } from './payload.js'
import type { Doing, Loaded, Outcome, StepKind, Write, Written } from './records.js'
import { Row } from './row.js'
import type { Call, Ending, RunHost, Told } from './run-types.js'
import { makeSteps } from './steps.js'
import type { SagaError } from './types.js'
import { undoAll } from './undoing.js'
import { Undos } from './undos.js'
import { Work } from './work.js'

/** What has been told to end gets so long; then its outcome is unknown. */
const HALT_MS = 5_000

/** `deaf`: the function is not told anything any more. */
type Phase = 'replaying' | 'forward' | 'deaf' | 'over'

/** One saga in the memory of its owner: its function, and what is to be written of it. */
export class Run {
  readonly row: Row
  readonly definition: AnyDefinition
  readonly host: RunHost
  readonly undos: Undos
  readonly work = new Work()
  /** A step's result is told only when it is committed: once that has failed, guessing does not pay. */
  readonly isCautious: boolean
  isLeaving = false
  /** By the database's clock. @unit ms since the epoch */
  readonly endsBy: number
  readonly #input: unknown
  readonly #history: History
  #phase: Phase
  #isCancelled: boolean
  #seq = 0
  #ended: number
  readonly #names = new Set<string>()
  /** Calls that may have reached the other side. */
  readonly #called: Set<number>
  readonly #calls = new Map<number, Call>()
  #heldStarts: (() => void)[] = []
  readonly #told: Told[] = []
  #isDraining = false
  #isHeld = false
  #hold: { seq: number; ending: Ending; doing: Doing } | undefined
  #hasReturned = false
  #idleSince = 0

  constructor(host: RunHost, definition: AnyDefinition, loaded: Loaded, isStarted: boolean, isCautious: boolean) {
    this.host = host
    this.definition = definition
    this.row = new Row(loaded, isStarted)
    this.isCautious = isCautious
    this.#isCancelled = loaded.is_cancelled && !loaded.is_undoing
    this.endsBy = loaded.ends_by
    this.#input = loaded.input
    this.#history = new History(loaded.steps ?? [], loaded.doing)
    this.undos = new Undos(this.#history)
    this.#called = new Set(loaded.doing.filter(({ kind }) => kind === 'call').map(({ seq }) => seq))
    this.#ended = this.#history.lastEnded
    this.#phase = isStarted ? 'replaying' : 'forward'
  }

  /** Calls the function; what it does until it first waits has happened when this resolves. */
  async begin(): Promise<void> {
    const drained = this.#drain()
    void this.#callBody()
    await drained
  }

  async #callBody(): Promise<void> {
    try {
      const output = await this.definition.body(makeSteps(this), this.#input)
      this.#return(output)
    } catch (error) {
      this.#throw(error)
    }
  }

  #return(output: unknown): void {
    if (!this.isListening || this.row.isUndoing) return
    if (this.#isAheadOf()) return this.#stickChanged('its function ends')
    try {
      this.row.output = encode(output, `The result of saga ${this.definition.name}`, this.definition.maxBytes)
      this.#hasReturned = true
    } catch (error) {
      this.#throw(error)
    }
  }

  #throw(error: unknown): void {
    if (!this.isListening || this.row.isUndoing) return
    if (this.#isAheadOf()) return this.#stickChanged('its function throws')
    this.fail(describeError(error, this.#history.stepOf(error)))
  }

  /** The function has ended before it was told all that is recorded. */
  #isAheadOf(): boolean {
    return this.#history.next !== undefined || this.#history.findUncalled(this.#seq) !== undefined
  }

  get id(): string {
    return this.row.id
  }

  get isOver(): boolean {
    return this.#phase === 'over'
  }

  /** What a step does may still be committed: one that is under way when its process stops is finished. */
  get mayCommit(): boolean {
    return this.isListening || (this.isLeaving && this.#phase !== 'over' && !this.row.isUndoing && !this.row.final)
  }

  get isReplaying(): boolean {
    return this.#phase === 'replaying'
  }

  /** The function is being told what happens. */
  get isListening(): boolean {
    return this.#phase === 'forward' || this.#phase === 'replaying'
  }

  /** Its function is called with an abort, and nothing of it is written any more. */
  abandon(): void {
    this.#phase = 'over'
    this.work.abort()
    this.row.outbox.passTurn()
  }

  // ── Steps: called by the function, started, told. ──

  /** The place of the next step; undefined: the function has no say any more, and is left waiting for ever. */
  open(kind: StepKind, name: string): { doing: Doing; isKnown: boolean } | undefined {
    if (!this.isListening) return undefined
    if (kind !== 'wait' && this.#names.has(name)) {
      if (this.#phase === 'replaying') this.#stickChanged(`two of its steps are named "${name}"`)
      else this.fail(describeDuplicate(this.definition, name))
      return undefined
    }
    if (kind !== 'wait') this.#names.add(name)
    const seq = ++this.#seq
    const fault = this.#history.judge(seq, kind, name)
    if (fault !== undefined) {
      this.#stickChanged(fault)
      return undefined
    }
    const known = this.row.doing.get(seq)
    const doing = known ?? { seq, name, kind, at: Math.round(this.host.now()) }
    const isKnown = known !== undefined || this.#history.has(seq)
    // A saga that is being undone takes no new steps.
    if (!isKnown && this.row.isUndoing) return undefined
    if (!isKnown) {
      this.row.doing.set(seq, doing)
      this.row.outbox.touch()
    }
    return { doing, isKnown }
  }

  /** What the function awaits: told from the history, or by `start`, which runs when the history is told. */
  async expect<T>(seq: number, start: () => void): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => this.#calls.set(seq, { resolve, reject }))
    if (this.#phase === 'replaying') {
      if (!this.#history.has(seq)) this.#heldStarts.push(start)
      // It awaited something else before it came here.
      if (!this.#isDraining) void this.#drain()
    } else start()
    return await promise
  }

  /** Tells the function how a step ended; resolves when it has done with that all it can. */
  async tell(seq: number, ending: Ending, isGuess = false): Promise<void> {
    if (this.isOver) return
    this.row.stayAwake()
    await new Promise<void>((resolve) => {
      this.#told.push({ seq, ...ending, isGuess, onDrained: resolve })
      this.#pump()
    })
  }

  /** False: it has been told. */
  untell(seq: number): boolean {
    const at = this.#told.findIndex((told) => told.seq === seq)
    if (at >= 0) this.#told.splice(at, 1)
    return at >= 0
  }

  #pump(): void {
    if (this.#isDraining || this.#isHeld || this.work.isCommitting || this.isOver) return
    const told = this.#told.shift()
    if (told === undefined) return
    if (told.isGuess) this.work.openCommit()
    this.#record(told, ++this.#ended)
    this.#answer(told.seq, told.outcome, told.error, () => decode(told.output))
    void this.#drain().then(told.onDrained)
  }

  #record({ seq, outcome, output, error, attempts = 1 }: Ending & { seq: number }, ended: number): void {
    const doing = this.row.doing.get(seq)
    if (doing === undefined) return
    const { name, kind, at } = doing
    this.row.doing.delete(seq)
    this.work.pauses.end(seq)
    this.row.inbox.endWait(seq)
    const till = Math.round(this.host.now())
    this.row.outbox.addStep({ seq, name, kind, ended, outcome, attempts, output, error: error ?? null, at, till })
    this.undos.note(seq, outcome, decode(output))
  }

  #answer(seq: number, outcome: Outcome, error: SagaError | null | undefined, value: () => unknown): void {
    const call = this.#calls.get(seq)
    this.#calls.delete(seq)
    if (!call || !this.isListening) return
    if (outcome === 'done') return call.resolve(value() as never)
    const revived = reviveError(error as SagaError)
    if (error?.step !== undefined) this.#history.noteError(revived, error.step)
    call.reject(revived)
  }

  /** Resolves when the function has gone as far as it can with what it was told. */
  async #drain(): Promise<void> {
    this.#isDraining = true
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#isDraining = false
    this.#idleSince = performance.now()
    if (this.isOver) return
    if (this.#phase === 'replaying') this.#advance()
    // Before the next one is told: whoever waits for this one goes on first.
    setImmediate(() => this.#goOn())
  }

  #goOn(): void {
    if (this.isOver || this.#isDraining || this.work.isCommitting) return
    if (this.#told.length > 0 && !this.#isHeld) return this.#pump()
    this.#rest()
  }

  /** Tells the next thing of the history; at its end the saga goes on. */
  #advance(): void {
    const next = this.#history.next
    if (next !== undefined) {
      if (!this.#calls.has(next.seq)) return
      this.#history.shift()
      const output = next.isVoid ? undefined : next.output
      this.undos.note(next.seq, next.outcome, output)
      this.#answer(next.seq, next.outcome, next.error, () => output)
      void this.#drain()
      return
    }
    if (this.#history.findUncalled(this.#seq) !== undefined) return
    if (this.row.isUndoing) {
      this.#phase = 'deaf'
      void this.#halt()
      return
    }
    this.#phase = 'forward'
    if (this.#isCancelled) this.#cancelNow()
    else if (this.host.now() >= this.endsBy) this.timeOut()
    else for (const start of this.#heldStarts.splice(0)) start()
  }

  #rest(): void {
    this.#endIfReturned()
    if (this.#phase === 'forward' && this.#mayPark()) {
      const moments = [...this.row.doing.values()].map(({ until }) => until as number)
      this.row.leave('waiting', 'parked', Math.min(this.endsBy, ...moments))
    }
    if (this.row.hasNews) this.host.enqueue(this)
    this.row.outbox.passTurn()
  }

  #endIfReturned(): void {
    if (!this.#hasReturned || this.row.doing.size > 0 || this.#told.length > 0 || this.#phase !== 'forward') return
    this.row.leave('done', 'done')
  }

  #mayPark(): boolean {
    if (this.row.final || this.#hasReturned || !this.work.isIdle || this.row.doing.size === 0) return false
    for (const { until } of this.row.doing.values()) if (until === undefined) return false
    return !this.isLeaving
  }

  /** Until `doing.until`: in memory when that is soon, else the saga may be parked meanwhile. */
  async pause(doing: Doing): Promise<void> {
    const ms = (doing.until ?? 0) - this.host.now()
    if (ms <= 0) return
    const pause = this.work.pauses.wait(doing.seq, ms)
    if (ms <= SHORT_MS) return await this.work.live(pause)
    this.row.outbox.touch()
    this.#goOn()
    await pause
  }

  /** From here on the other side may have heard of it. */
  noteCalled(seq: number): void {
    this.#called.add(seq)
  }

  /** It failed, and is tried again then. Written, but not waited for. */
  noteAttempt(doing: Doing, attempt: number, untilMs: number): void {
    doing.attempt = attempt
    doing.until = untilMs
    this.row.outbox.touch()
    this.#enqueueSoon()
  }

  /** Called now and then: what took too long, or does not come to an end. */
  checkTime(): void {
    if (this.#phase === 'forward' && !this.row.final && this.host.now() >= this.endsBy) return this.timeOut()
    if (!this.isListening || this.#isDraining || this.row.final || this.#hasReturned || this.#idleSince === 0) return
    if (!this.work.isIdle) return
    if (this.#phase === 'forward' && this.row.doing.size > 0) return
    const idleMs = performance.now() - this.#idleSince
    if (idleMs < this.definition.stallMs) return
    const uncalled = this.#history.next ?? this.#history.findUncalled(this.#seq)
    if (uncalled) return this.#stickChanged(`its function did not come to step ${uncalled.seq}`)
    this.stick(describeStall(this.definition, idleMs))
  }

  /** It may take no longer. */
  timeOut(): void {
    this.fail(describeTimeout(this.definition))
  }

  cancel(): void {
    if (this.#phase === 'replaying') this.#isCancelled = true
    else this.#cancelNow()
  }

  #cancelNow(): void {
    if (this.row.isPivoted) return
    this.fail(describeCancel(this.id))
  }

  /** Undoes what has been done; past the pivot it is stuck instead. */
  fail(error: SagaError): void {
    if (!this.isListening || this.row.isUndoing) return
    if (this.row.isPivoted) return this.stick(error)
    this.#phase = 'deaf'
    this.row.error = error
    this.row.isUndoing = true
    this.row.stay()
    this.work.abort()
    this.row.outbox.touch()
    void this.#halt()
  }

  /** What is under way has been told to end; what it then says counts. The rest is unknown. */
  async #halt(): Promise<void> {
    await this.work.settle(HALT_MS)
    if (this.isOver) return
    for (const { seq, name, kind, at, attempt = 1 } of this.row.doing.values()) {
      if (!this.#called.has(seq)) continue
      const rest = { outcome: 'unknown', attempts: attempt, output: undefined, error: null } as const
      this.row.outbox.addStep({ seq, name, kind, ended: 0, at, till: Math.round(this.host.now()), ...rest })
      this.undos.note(seq, 'unknown', undefined)
    }
    this.row.doing.clear()
    await undoAll(this).catch((error: unknown) => this.stick(describeError(error)))
  }

  /** Nothing more can be done without a person. */
  stick(error: SagaError): void {
    if (this.isOver || this.row.final?.state === 'stuck') return
    this.row.error = error
    this.row.leave('stuck', 'stuck')
    this.#phase = 'deaf'
    this.work.abort()
    this.host.logger.error({ saga: this.id, name: this.definition.name, error }, 'A saga is stuck.')
    this.#enqueueSoon()
  }

  #stickChanged(what: string): void {
    this.stick(describeChange(this.definition, this.#history.describe(what)))
  }

  /** Hands over: at once, or when what is under way has ended. */
  async handOver(graceMs: number): Promise<void> {
    this.isLeaving = true
    if (this.row.final) return
    if (this.isListening) {
      this.#phase = 'deaf'
      this.work.pauses.endAll()
    }
    await this.work.settle(graceMs)
    this.work.abort()
    if (this.isOver || this.row.final) return
    this.row.leave(this.row.isUndoing ? 'compensating' : 'running', 'handed', this.host.now())
    this.#enqueueSoon()
  }

  #enqueueSoon(): void {
    if (!this.#isDraining) this.host.enqueue(this)
  }

  // ── Writing: one write at a time, in order. ──

  noteStarted(version: number): void {
    this.row.isStarted = true
    this.row.outbox.noteDurable(version)
    if (this.canWrite) this.host.enqueue(this)
  }

  /** Resolves when what is known now is written. Never, when the saga is lost. */
  async durable(): Promise<void> {
    if (!this.row.outbox.isDirty && this.row.isStarted) return
    if (!this.#isDraining && this.row.isStarted) this.host.enqueue(this)
    await this.row.outbox.waitDurable()
  }

  /** Started, and no commit in doubt: what begins now stands on what is certain. */
  async ready(): Promise<void> {
    if (!this.row.isStarted) await this.durable()
    while (this.work.isCommitting && !this.isOver) await this.row.outbox.waitTurn()
  }

  get canWrite(): boolean {
    if (this.isOver || this.#isDraining || this.work.isCommitting || !this.row.isStarted) return false
    if (this.row.outbox.flight) return false
    return this.row.hasNews
  }

  /** For a write that travels in a transaction: waits for the one that is under way. */
  async takeTurn(prepare?: () => void): Promise<Write> {
    // Nothing is awaited between the look and the take: of two who wait one would take what the other has.
    while ((this.row.outbox.flight || this.#isDraining) && !this.isOver) await this.row.outbox.waitTurn()
    prepare?.()
    return this.takeWrite()
  }

  takeWrite(): Write {
    this.#endIfReturned()
    return this.row.takeWrite()
  }

  /** `answer`: what the statement gave; a COMMIT gives none. */
  noteWritten(answer?: Written): void {
    const flight = this.row.outbox.land()
    if (flight === undefined || this.isOver) return
    const final = flight.isFinal ? this.row.final : undefined
    if (final) {
      // A signal that it did not know of came before it could rest.
      if (answer && !answer.is_parked) return this.host.reload(this, this.isCautious)
      this.abandon()
      return this.host.left(this, final.how)
    }
    this.row.outbox.noteDurable(flight.version)
    if (this.canWrite) this.host.enqueue(this)
    this.row.outbox.passTurn()
    if (!answer) return
    if (answer.is_cancelled && !this.row.isUndoing) this.cancel()
    if (answer.signals !== this.row.inbox.seen && this.row.inbox.isWaiting) this.host.refresh(this)
  }

  /** The record of a step that nobody is told of before it is committed. */
  async holdFor(seq: number, ending: Ending): Promise<Write> {
    return await this.takeTurn(() => {
      const doing = this.row.doing.get(seq) as Doing
      this.#isHeld = true
      this.#hold = { seq, ending, doing }
      this.#record({ seq, ...ending }, this.#ended + 1)
    })
  }

  /** It is committed. */
  releaseHold(): void {
    if (!this.#hold) return
    const { seq, ending } = this.#hold
    this.#hold = undefined
    this.#isHeld = false
    this.#ended++
    this.#answer(seq, ending.outcome, ending.error, () => decode(ending.output))
    void this.#drain()
  }

  /** It is not, and may be tried again. */
  undoHold(): void {
    if (!this.#hold) return
    const { seq, doing } = this.#hold
    this.#hold = undefined
    this.#isHeld = false
    this.row.doing.set(seq, doing)
    this.row.outbox.putBack((record) => 'name' in record && record.seq === seq)
  }

  /** A step's commit has ended, one way or the other. */
  closeCommit(): void {
    this.work.closeCommit()
    this.row.outbox.passTurn()
    this.settle()
  }

  /** What was under way has ended, and the function is told nothing of it: what is new is written, or it rests. */
  settle(): void {
    if (!this.#isDraining) setImmediate(() => this.#goOn())
  }
}
