import type { Logger, StandardSchema, Tx } from '../core/index.js'
import type { SagasInspector } from './inspect-types.js'

/** What is left of a value once it was JSON: a Date is a string, a function cannot be kept. */
export type Stored<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined | void
    ? T
    : T extends { toJSON(): infer Json }
      ? Stored<Json>
      : T extends bigint | symbol | ((...args: never[]) => unknown)
        ? never
        : { [Key in keyof T]: Stored<T[Key]> }

export interface RetryOptions {
  /** Runs in all, the first included. Default: 5; of an undo 10. */
  attempts?: number
  /** Pause before the second attempt; each later one is twice as long, plus or minus a quarter. Default: 200 ms. */
  backoffMs?: number
  /** The longest pause. One above a second is spent parked. Default: 30 000 ms. */
  maxBackoffMs?: number
  /** False ends the attempts at once. Default: errors whose `retryable` is false are not tried again. */
  isRetryable?: (error: unknown) => boolean
}

/** What a call to the outside world is given. */
export interface CallContext {
  /** `<id of the saga>/<name of the step>`: the same in each attempt, in each process. Give it to the other side as its idempotency key. */
  readonly key: string
  /** Aborted when the attempt's time is over, or the saga is in other hands. */
  readonly signal: AbortSignal
  /** 1 the first time. */
  readonly attempt: number
}

/** What the undoing of a call is given. */
export interface UndoContext extends CallContext {
  /** The key that `do` was called with; `key` is another one. */
  readonly doKey: string
}

export interface TxStep<T> {
  /** Its SQL, and the record that it has happened, commit together: exactly once. May be run again if it did not commit. */
  do: (tx: Tx) => Promise<T>
  /** Takes back what `do` committed; commits together with the record of that. */
  undo?: (tx: Tx, result: Stored<T>) => unknown
  /** Default: what running it again may cure (40001, 40P01, no free connection, a lost one), 5 attempts. */
  retry?: RetryOptions
  /** Of the undo. */
  undoRetry?: RetryOptions
  /** The whole transaction. Default: 30 000 ms. */
  timeoutMs?: number
}

export interface CallStep<T> {
  /** At least once, each time with the same key. No connection is held meanwhile. */
  do: (context: CallContext) => Promise<T> | T
  /**
   * Takes back what `do` did; known before `do` begins. `result` is undefined where nobody knows whether it happened: it
   * failed, ran out of time, or its process died. Then ask the other side by `doKey`, or undo what may not be there.
   */
  undo?: (context: UndoContext, result: Stored<T> | undefined) => unknown
  retry?: RetryOptions
  undoRetry?: RetryOptions
  /** Of one attempt. Default: 30 000 ms. */
  timeoutMs?: number
  /** True: with this error the other side says that it did nothing. Not tried again, and nothing is undone. Default: never. */
  isRefusal?: (error: unknown) => boolean
}

export interface WaitOptions<T> {
  /** A signal that does not fit it is set aside, reported, and waited on. */
  schema?: StandardSchema<never, T>
  /** Then HF_SAGAS_WAIT_TIMEOUT is thrown. Default: until the saga's own time is over. */
  timeoutMs?: number
}

/** The steps of a saga. Each has a name of its own; between them the function must do nothing that may come out another way. */
export interface Steps {
  /** The saga's id. */
  readonly id: string
  /** SQL in a transaction of this step. Throws what `do` throws, when its attempts are used up. */
  tx<T>(name: string, step: TxStep<T>): Promise<Stored<T>>
  /** A call to the outside world. Throws what `do` throws, when its attempts are used up. */
  call<T>(name: string, step: CallStep<T>): Promise<Stored<T>>
  /** From here on there is no way back: steps are tried again, or the saga is stuck; nothing is undone. */
  pivot(name?: string): Promise<void>
  /** A signal of this name, sent before or after. Meanwhile the saga is a row: no process, no connection, no timer. @throws HF_SAGAS_WAIT_TIMEOUT */
  waitFor<T = unknown>(event: string, options?: WaitOptions<T>): Promise<T>
  /** For so long, a row as well. */
  sleep(name: string, ms: number): Promise<void>
}

export interface SagaOptions<Input, Stored> {
  /** 1 and up. Instances keep the one they began with: a change of steps is another version, beside this one. */
  version: number
  /** Any Standard Schema; checked at the start. */
  input?: StandardSchema<Input, Stored>
  /** From its start; then it is undone (HF_SAGAS_TIMEOUT), or after the pivot stuck. Default: 604 800 000 ms (a week). */
  timeoutMs?: number
  /** Kept for so long after its end. Default: 2 592 000 000 ms (30 days). */
  keepMs?: number
  /** Most bytes of the JSON of its input and of each result. Default: 262 144 (256 KiB). */
  maxBytes?: number
  /** The function may await what is no step for so long, then the saga is stuck (HF_SAGAS_STALLED). Default: 10 000 ms. */
  stallMs?: number
  /** When an undo is stuck, those of earlier steps are done all the same. Default: false, their order may matter. */
  undoesOn?: boolean
}

declare const types: unique symbol

/** Made by `defineSaga`. */
export interface SagaDefinition<Input, Output> {
  readonly name: string
  readonly version: number
  readonly [types]?: { input: (input: Input) => void; output: Output }
}

export type SagaState = 'running' | 'waiting' | 'compensating' | 'done' | 'compensated' | 'stuck'

export interface StartOptions {
  /** The same id starts it once. 1 to 150 printable ASCII characters. Default: a new UUID. */
  id?: string
}

export interface Started {
  id: string
  /** False: there is one with this id, and the same input. */
  isNew: boolean
}

export interface SignalOptions {
  /** The same key is kept once. Default: each is another one. */
  key?: string
}

export interface ActionOptions {
  /** Who did it; kept with the saga. */
  actor?: string
  reason?: string
}

export interface ResultOptions {
  /** For so long at most. Default: 30 000 ms. */
  waitMs?: number
  /** `decided`: one that is being undone is waited for no longer (HF_SAGAS_UNDOING), as that takes until the other side answers. Default: `ended`. */
  until?: 'ended' | 'decided'
  signal?: AbortSignal
}

/** Why a saga failed: of an error its name or code and its message, never its other properties. */
export interface SagaError {
  name: string
  message: string
  /** The step that it came from. */
  step?: string
}

export interface SagaStatus {
  id: string
  name: string
  version: number
  state: SagaState
  /** Somebody wants it to be undone, and its owner has not seen it yet. */
  isCancelling: boolean
  /** There is no way back any more. */
  isPivoted: boolean
  error: SagaError | null
  /** Steps that have begun and not ended. */
  doing: { name: string; kind: string; until: Date | null }[]
  startedAt: Date
  endsBy: Date
  finishedAt: Date | null
}

export interface SagasOptions {
  /** All that this process starts or runs, all versions that may still be under way. */
  sagas: readonly SagaDefinition<never, unknown>[]
  /** Receives what no caller can be given. Default: warnings and errors as JSON lines on stderr. */
  logger?: Logger
}

export interface WorkOptions {
  /** Sagas in memory at once; parked ones do not count. Default: 100. */
  concurrency?: number
  /** A process that did not renew itself for so long has lost its sagas. Default: 15 000 ms. */
  leaseMs?: number
  /** Looks for due sagas at least this often. Default: 500 ms. */
  pollMs?: number
  /** stop() lets steps under way end for so long, then hands them over undone. Default: 5 000 ms. */
  graceMs?: number
  /** Aborting it stops the worker. */
  signal?: AbortSignal
}

export interface WorkerStats {
  /** In memory. */
  running: number
  done: number
  compensated: number
  stuck: number
  parked: number
  /** Were in other hands before they had ended here. */
  lost: number
}

export interface Worker {
  stats(): WorkerStats
  /** Hands over at once what is between two steps, the rest when its step has ended. */
  stop(): Promise<void>
}

/** A version with instances that no live process has the code of. */
export interface Stranded {
  name: string
  version: number
  /** Instances that have not ended, at most 1,000. */
  amount: number
}

export interface Sagas {
  /**
   * Starts a saga: inside `tx`, so that it exists exactly if that commits; or on its own, in this process if it works.
   * @throws HF_SAGAS_ID_REUSED, HF_SAGAS_UNKNOWN, HF_SAGAS_INPUT_INVALID, HF_SAGAS_TOO_LARGE, HF_SAGAS_ID
   */
  start<Input>(
    tx: Tx,
    saga: SagaDefinition<Input, unknown>,
    input: NoInfer<Input>,
    options?: StartOptions,
  ): Promise<Started>
  start<Input>(saga: SagaDefinition<Input, unknown>, input: NoInfer<Input>, options?: StartOptions): Promise<Started>
  /** Sends it an event; kept until it waits for it. False: this key was sent before, or the saga has ended. @throws HF_SAGAS_NOT_FOUND */
  signal(tx: Tx, id: string, event: string, payload?: unknown, options?: SignalOptions): Promise<boolean>
  signal(id: string, event: string, payload?: unknown, options?: SignalOptions): Promise<boolean>
  /** How it stands. Undefined: it never was, or is not kept any more. */
  get(id: string): Promise<SagaStatus | undefined>
  /** Newest first, of one state. Default: `stuck`. */
  list(filter?: { state?: SagaState; name?: string; limit?: number }): Promise<SagaStatus[]>
  /**
   * What it returned, when it is done. @throws HF_SAGAS_COMPENSATED, HF_SAGAS_UNDOING, HF_SAGAS_STUCK with its reason,
   * HF_SAGAS_PENDING after `waitMs`, HF_SAGAS_NOT_FOUND
   */
  result<Output>(saga: SagaDefinition<never, Output>, id: string, options?: ResultOptions): Promise<Stored<Output>>
  /** Wants it to be undone; its owner sees to that. False: it has ended, or is being undone. @throws HF_SAGAS_PIVOTED, HF_SAGAS_NOT_FOUND */
  cancel(id: string, options?: ActionOptions): Promise<boolean>
  /** A stuck one goes on where it stood. False: it is not stuck. @throws HF_SAGAS_NOT_FOUND */
  retry(id: string, options?: ActionOptions): Promise<boolean>
  /** Of one that is stuck in undoing: this step is not undone, a person has seen to it; the others are. @throws HF_SAGAS_NOT_STUCK, HF_SAGAS_NOT_FOUND */
  skipUndo(id: string, step: string, reason: string, options?: Pick<ActionOptions, 'actor'>): Promise<void>
  /** Versions with instances under way that no live process has the code of. */
  findStranded(): Promise<Stranded[]>
  /** Runs sagas in this process: those it starts, and those of processes that are gone. */
  work(options?: WorkOptions): Promise<Worker>
  /** What the dashboard shows. */
  readonly inspect: SagasInspector
  close(): Promise<void>
}
