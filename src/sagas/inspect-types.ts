import type { SagaError, SagaState, SagaStatus } from './types.js'

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
  /** JSON, cut; null: it gave nothing, or has not ended. */
  output: string | null
  error: SagaError | null
  undo: { state: 'done' | 'skipped' | 'failing'; attempts: number; at: Date | null; error: SagaError | null } | null
}

export interface SagaActionView {
  action: 'cancel' | 'retry' | 'skip-undo'
  step: string | null
  reason: string | null
  actor: string | null
  at: Date
}

export interface SagaDetails extends SagaStatus {
  /** JSON, cut. */
  input: string | null
  output: string | null
  steps: SagaStepView[]
  actions: SagaActionView[]
  signals: { event: string; sentAt: Date; isTaken: boolean }[]
  /** The process that has it: host and pid. */
  owner: string | null
}

/** At most `MOST`; one more means that there are more. */
export interface SagaKindView {
  name: string
  version: number
  /** Live processes that have its code. */
  workers: number
  due: number
  parked: number
  stuck: number
  /** Age of the oldest one that is due and that nobody has taken. @unit ms */
  oldestDueMs: number | null
}

export interface SagasOverview {
  kinds: SagaKindView[]
  workers: { id: string; instance: string; seenMs: number; leaseMs: number; sagas: number }[]
}

export interface SagasInspector {
  /** Kinds and workers. No number of it is counted further than to 1,001. */
  overview(): Promise<SagasOverview>
  /** One saga with its steps, signals and what operators did. */
  details(id: string): Promise<SagaDetails | undefined>
  list(state: SagaState, name: string | null, limit: number): Promise<SagaStatus[]>
}
