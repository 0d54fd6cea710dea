import type { Db, Logger } from '../core/index.js'
import type { Gate } from './gate.js'
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
  /**
   * For steps that hold a connection: inside of it they may wait for a write of their saga, which needs another one. Were all
   * of the pool's in such hands, none would go on.
   */
  readonly gate: Gate
  /** The database's clock, as far as this process can tell. @unit ms since the epoch */
  now(): number
  /** There is something to write. */
  enqueue(run: Run): void
  /** It is read again, and goes on from there. */
  reload(run: Run, isCautious: boolean): void
  left(run: Run, how: Leaving): void
  /** That it is undone is written. */
  undoing(run: Run): void
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

/** What the function awaits. */
export interface Call {
  resolve: (value: never) => void
  reject: (error: Error) => void
}

/** An end that the function is to be told. */
export interface Told extends Ending {
  seq: number
  /** It is not committed yet: nothing else is told, or written, before that is decided. */
  isGuess: boolean
  onDrained: () => void
}
