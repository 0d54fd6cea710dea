// What is written of a saga, and read back: the shapes that the statements of `store.ts` take and give.

import type { SagaError, SagaState } from './types.js'

export type StepKind = 'tx' | 'call' | 'sleep' | 'wait' | 'pivot'

/** `refused`: it certainly did nothing. `unknown`: it had begun when the saga was to be undone. */
export type Outcome = 'done' | 'failed' | 'refused' | 'unknown'

/** A step that has begun and not ended. */
export interface Doing {
  seq: number
  name: string
  kind: StepKind
  /** When it began, by the database's clock. @unit ms since the epoch */
  at: number
  /** Nothing is to be done for it before: the end of a sleep, of a wait, of a pause between two attempts. */
  until?: number
  /** Attempts so far. */
  attempt?: number
}

export interface StepRecord {
  seq: number
  name: string
  kind: StepKind
  ended: number
  outcome: Outcome
  attempts: number
  /** JSON text; undefined: it gave nothing. */
  output: string | undefined
  error: SagaError | null
  at: number
  /** When it ended; the write may come later. @unit ms since the epoch */
  till: number
}

export interface UndoRecord {
  seq: number
  undo: 'done' | 'failing'
  attempts: number
  error: SagaError | null
}

export interface TakenSignal {
  signal: string
  /** 0: it did not fit the schema. */
  seq: number
}

/** One write of a saga: its row as it is to be, and what happened since the last one. */
export interface Write {
  id: string
  fence: number
  doing: readonly Doing[]
  state: SagaState
  /** Nobody is to own it from here on. */
  leaves: boolean
  /** Signals that it knew of. */
  seen: number
  /** Due then. @unit ms since the epoch */
  wake: number | null
  isUndoing: boolean
  isPivoted: boolean
  /** JSON text. */
  output: string | undefined
  error: SagaError | null
  steps: readonly StepRecord[]
  undone: readonly UndoRecord[]
  taken: readonly TakenSignal[]
}

export interface Written {
  id: string
  signals: number
  is_cancelled: boolean
  is_parked: boolean
}

export interface RecordedStep {
  seq: number
  name: string
  kind: StepKind
  ended: number
  outcome: Outcome
  output: unknown
  isVoid: boolean
  error: SagaError | null
  undo: 'done' | 'skipped' | 'failing' | null
  undoAttempts: number
}

export interface WaitingSignal {
  id: string
  event: string
  payload: unknown
}

/** A saga as it is claimed. */
export interface Loaded {
  id: string
  kind: number
  fence: number
  state: SagaState
  is_undoing: boolean
  is_pivoted: boolean
  is_cancelled: boolean
  crashes: number
  signals: number
  doing: Doing[]
  input: unknown
  error: SagaError | null
  ends_by: number
  steps: RecordedStep[] | null
  waiting: WaitingSignal[] | null
}

export interface StartRecord {
  id: string
  kind: number
  token: string
  doing: readonly Doing[]
  /** JSON text. */
  input: string | undefined
  timeoutMs: number
}

export interface StartRow {
  id: string
  token: string
  /** Null: somebody was using the id, and did not commit. */
  is_new: boolean | null
  is_owned: boolean | null
  is_same: boolean
}
