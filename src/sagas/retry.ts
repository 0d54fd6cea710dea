import { isHoldfastError, readSqlstate } from '../core/index.js'
import { sagaDefaults } from './options.js'
import type { RetryOptions } from './types.js'

/** Serialization failure, deadlock, the server going down or ending the session. */
const transientStates = new Set(['40001', '40P01', '57P01', '57P02', '57P03', '25P03', '25P04', '53300', '55P03'])
const transientCodes = new Set(['HF_POOL_TIMEOUT', 'HF_POOL_DEADLOCK', 'HF_QUERY_CONNECTION_LOST'])

/** The pause before the next attempt; undefined: there is none. */
export function planPause(
  retry: RetryOptions | undefined,
  attempt: number,
  error: unknown,
  defaults: { attempts: number; isRetryable: (error: unknown) => boolean },
): number | undefined {
  const { attempts = defaults.attempts, isRetryable = defaults.isRetryable } = retry ?? {}
  const { backoffMs = sagaDefaults.backoffMs, maxBackoffMs = sagaDefaults.maxBackoffMs } = retry ?? {}
  if (attempt >= attempts || isAboutResult(error) || !isRetryable(error)) return undefined
  const pauseMs = Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(attempt - 1, 30))
  // A quarter either way: what failed together must not come back together.
  return pauseMs * (0.75 + Math.random() / 2)
}

/** Doing it again would bring the same result, and its effects twice. */
function isAboutResult(error: unknown): boolean {
  return isHoldfastError(error, 'HF_SAGAS_RESULT_INVALID') || isHoldfastError(error, 'HF_SAGAS_TOO_LARGE')
}

/** Most errors of holdfast say whether the same call may succeed later; a step's attempts are to be used all the same. */
export function isRetryableCall(error: unknown): boolean {
  if (isHoldfastError(error)) return true
  return !(error instanceof Error && 'retryable' in error && error.retryable === false)
}

/** Nothing was committed, and the same SQL may succeed. */
export function isTransient(error: unknown): boolean {
  const state = readSqlstate(error)
  if (state !== undefined) return transientStates.has(state) || state.startsWith('08')
  if (isHoldfastError(error)) return transientCodes.has(error.code) || error.code.startsWith('HF_CONNECT_')
  return false
}
