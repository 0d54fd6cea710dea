import type { SagaError, SagaState, SagaStatus } from './types.js'

/** Nothing is counted further than 1,000. */
export interface SagaAmount {
  count: number
  /** There are more than `count`. */
  isMore: boolean
}

/** JSON, cut. */
export interface SagaPayload {
  text: string
  isCut: boolean
}

export interface SagaUndoView {
  state: 'done' | 'skipped' | 'failing'
  attempts: number
  at: Date | null
  error: SagaError | null
}

export interface SagaStepView {
  seq: number
  name: string
  kind: string
  /** Null: it has begun and not ended. */
  outcome: 'done' | 'failed' | 'refused' | 'unknown' | null
  attempts: number
  startedAt: Date
  endedAt: Date | null
  /** What it waits for ends then. */
  until: Date | null
  /** Null: it gave nothing, has not ended, or payloads were not asked for. */
  output: SagaPayload | null
  error: SagaError | null
  undo: SagaUndoView | null
  /** Its saga is being undone, and has not come to it: it is undone if it has an undo. */
  isToUndo: boolean
}

export interface SagaActionView {
  action: 'cancel' | 'retry' | 'skip-undo'
  step: string | null
  reason: string | null
  actor: string | null
  at: Date
}

export interface SagaSignalView {
  event: string
  sentAt: Date
  /** `set-aside`: it did not fit the schema of who waited for it. */
  fate: 'waiting' | 'taken' | 'set-aside'
}

/** A saga in a list. */
export interface SagaRow extends SagaStatus {
  isUndoing: boolean
  /** The process that has it: host and pid. */
  owner: string | null
  /** Since it could go on; below 0 until then. Null: a process has it, it has ended, or is stuck. @unit ms */
  dueMs: number | null
  /** The undo that has failed last. */
  failing: { step: string; attempts: number; error: SagaError | null } | null
}

export interface SagaDetails extends SagaRow {
  /** Where it stands and what it waits for, in one sentence. */
  sentence: string
  /** A live process has its code. */
  hasCode: boolean
  /** By the clock of the database, as all other times. */
  nowAt: Date
  input: SagaPayload | null
  output: SagaPayload | null
  /** The last 500, in the order of their start. */
  steps: SagaStepView[]
  /** The last 100 of each. */
  actions: SagaActionView[]
  signals: SagaSignalView[]
}

export interface SagaKindView {
  name: string
  version: number
  /** Live processes that have its code. */
  workers: number
  /** In the hands of live processes. */
  running: SagaAmount
  /** Could go on, and nobody has taken them. */
  due: SagaAmount
  /** Due later. */
  parked: SagaAmount
  stuck: SagaAmount
  /** In the hands of processes that are gone; any live one hands them on. */
  orphaned: SagaAmount
  /** Age of the oldest one that is due. @unit ms */
  oldestDueMs: number | null
}

export interface SagaWorkerView {
  id: string
  /** Host and pid. */
  instance: string
  isAlive: boolean
  /** Since it began. @unit ms */
  upMs: number
  /** Since it last renewed itself. @unit ms */
  seenMs: number
  leaseMs: number
  /** That it has in its hands. */
  sagas: SagaAmount
}

export interface SagasVerdict {
  severity: 'ok' | 'watch' | 'act'
  /** One plain sentence with its numbers. */
  sentence: string
  fix?: string
  /** Other signs, most urgent first. */
  also: string[]
}

export interface SagasOverview {
  verdict: SagasVerdict
  /** False: the tables of sagas are not there, are of another release, or this role may not read them. */
  isInstalled: boolean
  /** Reading took too long: the lists are empty. */
  isLate: boolean
  kinds: SagaKindView[]
  workers: SagaWorkerView[]
}

/** `overdue`: due for more than 5 s, and nobody has taken it. `failing`: stuck, then compensating, then overdue. */
export type SagaListing = SagaState | 'overdue' | 'failing'

export interface SagaFilter {
  /** Default: `failing`. */
  state?: SagaListing
  /** Of sagas of this name. */
  name?: string
  /** Default: 50, at most 200. */
  limit?: number
}

export interface SagasInspector {
  /** Kinds, workers, and what is wrong with them. No number of it is counted further than to 1,000. */
  overview(): Promise<SagasOverview>
  /** One saga with its steps, signals and what operators did; payloads only when asked for. */
  details(id: string, options?: { withPayload?: boolean }): Promise<SagaDetails | undefined>
  /** Newest first; the waiting and the overdue: those that are due first. One state is looked for among 5,000 of a kind. */
  list(filter?: SagaFilter): Promise<SagaRow[]>
}
