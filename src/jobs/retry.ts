import { cleanText, isHoldfastError } from '../core/index.js'
import { jobsError } from './errors.js'
import type { AnyOptions } from './job-run.js'
import { jobDefaults } from './options.js'

/** When a failed job runs again; null: never, it is dead. */
export function planRetry(options: AnyOptions, attempt: number, error: unknown): Date | null {
  const { attempts = jobDefaults.attempts, backoffMs = jobDefaults.backoffMs } = options
  const { maxBackoffMs = jobDefaults.maxBackoffMs, isRetryable = isRetryableByDefault } = options
  if (attempt >= attempts || isAboutResult(error) || !isRetryable(error)) return null
  const pauseMs = Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(attempt - 1, 30))
  // By whichever clock, it is past.
  if (pauseMs === 0) return new Date(0)
  // A quarter either way: jobs that failed together must not come back together.
  return new Date(Date.now() + pauseMs * (0.75 + Math.random() / 2))
}

/** The handler did its work: doing it again would bring the same result, and its effects twice. */
function isAboutResult(error: unknown): boolean {
  return isHoldfastError(error, 'HF_JOBS_RESULT_INVALID') || isHoldfastError(error, 'HF_JOBS_RESULT_TOO_LARGE')
}

function isRetryableByDefault(error: unknown): boolean {
  if (isHoldfastError(error, 'HF_JOBS_PAYLOAD_INVALID')) return false
  // Most errors of holdfast say whether the same call may succeed later; a job's attempts are to be used all the same.
  if (isHoldfastError(error)) return true
  return !(error instanceof Error && 'retryable' in error && error.retryable === false)
}

/** What joins the job's history: name and message of the error, never its other properties, which may hold payloads. */
export function describeError(error: unknown, attempt: number): object {
  const known =
    error instanceof Error ? error : jobsError('HF_JOBS_THROWN', `The handler threw ${describeType(error)}.`)
  const name = 'code' in known && typeof known.code === 'string' ? known.code : known.name
  return { attempt, at: new Date().toISOString(), name, message: cleanText(known.message) }
}

function describeType(value: unknown): string {
  return value === null ? 'null' : `a value of type ${typeof value}`
}
