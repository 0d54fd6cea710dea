/** One entry of a module's table of errors; `docs/errors.md` and `holdfast errors` are made from it. */
export interface ErrorEntry {
  /** What happened, one sentence, no numbers. */
  summary: string
  /** When it is met and what it means for the caller's data. */
  when: string
  /** What to do, one imperative sentence. */
  fix: string
  /** The same call may succeed later and repeating it can do no harm. Default: false. */
  retryable?: boolean
  /** Status when it reaches an HTTP client. Default: 500. */
  status?: number
  /** What the CLI exits with: 1 a check failed, 2 usage, 3 no database. Default: 1. */
  exitCode?: 1 | 2 | 3
}

export type ErrorTable = Readonly<Record<`HF_${string}`, ErrorEntry>>

export interface ErrorExtra {
  cause?: unknown
  /** Numbers and names for programs; never a parameter, a password or a payload. */
  details?: Record<string, unknown>
  /** Replaces the table's sentence where the case allows a sharper one. */
  fix?: string
}

// By symbol, not instanceof: two copies of the package in one process must recognise each other's errors.
const marker = Symbol.for('holdfast.error')

/** Every error of ours: a stable `code`, what happened with its numbers, and how to fix it. The code is API, the message is not. */
export class HoldfastError extends Error {
  readonly [marker] = true
  readonly code: string
  readonly fix: string
  readonly docs: string
  readonly retryable: boolean
  readonly status: number
  readonly exitCode: number
  readonly details: Record<string, unknown>

  constructor(code: string, entry: ErrorEntry, message: string, extra: ErrorExtra = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.name = 'HoldfastError'
    this.code = code
    this.fix = extra.fix ?? entry.fix
    this.docs = `docs/errors.md#${code.toLowerCase()}`
    this.retryable = entry.retryable ?? false
    this.status = entry.status ?? 500
    this.exitCode = entry.exitCode ?? 1
    this.details = extra.details ?? {}
  }
}

/** Is this one of ours, and (when given) of this code? */
export function isHoldfastError(error: unknown, code?: string): error is HoldfastError {
  if (typeof error !== 'object' || error === null || !(marker in error)) return false
  return code === undefined || (error as HoldfastError).code === code
}

/** Makes a module's error factory; a code that the table lacks does not compile. */
export function defineErrors<Table extends ErrorTable>(table: Table) {
  return function createError(code: keyof Table & string, message: string, extra?: ErrorExtra): HoldfastError {
    return new HoldfastError(code, (table as ErrorTable)[code as `HF_${string}`] as ErrorEntry, message, extra)
  }
}
