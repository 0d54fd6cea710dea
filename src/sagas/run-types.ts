import type { Db, Logger } from '../core/index.js'
import type { Outcome, StepKind } from './records.js'
import type { Run } from './run.js'
import type { RetryOptions, SagaError } from './types.js'

/** How a run left the memory of its process. */
export type Leaving = 'done' | 'compensated' | 'stuck' | 'parked' | 'handed' | 'lost'

/** The process that a run lives in. */
export interface RunHost {
  readonly db: Db
  readonly owner: string
  readonly logger: Logger
  /** The database's clock, as far as this process can tell. @unit ms since the epoch */
  now(): number
  /** There is something to write. */
  enqueue(run: Run): void
  /** It is read again, and goes on from there. */
  reload(run: Run, isCautious: boolean): void
  left(run: Run, how: Leaving): void
  /** Its signals are to be looked for. */
  refresh(run: Run): void
}

/** How a step ended. */
export interface Ending {
  outcome: Outcome
  /** JSON text. */
  output?: string | undefined
  error?: SagaError
  attempts?: number
}

/** What takes a step back. */
export interface Undo {
  seq: number
  name: string
  kind: StepKind
  /** What the user gave. */
  act: (...args: never[]) => unknown
  retry: RetryOptions | undefined
  timeoutMs: number
  /** Undefined: the step has not ended. */
  outcome: Outcome | undefined
  result: unknown
  attempts: number
  isOver: boolean
}
