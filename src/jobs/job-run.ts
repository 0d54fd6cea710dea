import type { HoldfastError, Tx } from '../core/index.js'
import { jobIdOf, type ClaimedJob } from './claimed-job.js'
import { jobsError } from './errors.js'
import { jobDefaults } from './options.js'
import { RunNotes, type NotesParts } from './progress.js'
import type { Checkpoint, Job, JobOptions } from './types.js'

export type AnyOptions = JobOptions<never, unknown>

/** A definition as the inside sees it: whose payload it is, only its handler knows. */
export interface AnyDefinition {
  readonly name: string
  readonly options: AnyOptions
}

/** One run of one job: what its handler is given. The signal is made when somebody asks for it: most handlers never do. */
export class JobRun implements Job<unknown> {
  readonly claimed: ClaimedJob
  readonly definition: AnyDefinition
  payload: unknown
  /** `performance.now()` at which its time is over. */
  readonly endsAt: number
  isSettled = false
  /** Its end is decided and being written. */
  isEnding = false
  tx!: Tx
  /** JSON text of what its handler returned, where that is kept. */
  result: string | null = null
  readonly #parts: NotesParts
  #notes: RunNotes | undefined
  #controller: AbortController | undefined
  #reason: HoldfastError | undefined

  constructor(claimed: ClaimedJob, definition: AnyDefinition, now: number, parts: NotesParts) {
    const { timeoutMs = jobDefaults.timeoutMs } = definition.options
    this.claimed = claimed
    this.definition = definition
    this.#parts = parts
    this.endsAt = timeoutMs === 0 ? Infinity : now + timeoutMs
  }

  get id(): string {
    return jobIdOf(this.claimed)
  }

  get name(): string {
    return this.definition.name
  }

  get attempt(): number {
    return this.claimed.attempt
  }

  get sentAt(): Date {
    return new Date(Number(this.claimed.sentAt))
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** What it noted, if it did: most handlers never do. */
  get notes(): RunNotes | undefined {
    return this.#notes
  }

  /** Its end leaves a row, or notes to be taken away. */
  get leaves(): boolean {
    return this.#notes !== undefined || (this.definition.options.keepMs ?? jobDefaults.keepMs) > 0
  }

  #takeNotes(): RunNotes {
    const { name, options } = this.definition
    return (this.#notes ??= new RunNotes(this.#parts, this.claimed, {
      name,
      maxBytes: options.maxBytes ?? jobDefaults.maxBytes,
    }))
  }

  get checkpoint(): Checkpoint {
    return this.#takeNotes().checkpoint
  }

  get progress(): Job<unknown>['progress'] {
    return (done, total, note) => this.#takeNotes().report(done, total, note)
  }

  /** Why it was told to end, if it was. */
  get reason(): HoldfastError | undefined {
    return this.#reason
  }

  abort(reason: HoldfastError): void {
    this.#reason ??= reason
    this.#controller?.abort(reason)
  }
}

export function describeTimeout({ name, definition }: JobRun) {
  const { timeoutMs = jobDefaults.timeoutMs } = definition.options
  return jobsError('HF_JOBS_TIMEOUT', `A run of ${name} did not end within ${timeoutMs} ms.`, {
    details: { job: name, timeoutMs },
  })
}
