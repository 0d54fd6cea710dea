import { validateOptions } from '../core/index.js'
import { overloadError } from './errors.js'
import { limiterOptionTable, limiterRunOptionTable, overloadDefaults } from './options.js'
import { Turnstile } from './turnstile.js'
import type { Limiter, LimiterOptions, LimiterRunOptions } from './types.js'

/** Kept free for reading files and looking up names. */
const KEPT_FREE = 2

/**
 * For what runs on libuv's threads and takes long, such as hashing passwords: of the four threads of a process two stay
 * free for files and DNS, which else wait behind it while the event loop looks idle. One for all such work of a process.
 *
 * @throws HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID
 */
export function createLimiter(options: LimiterOptions = {}): Limiter {
  validateOptions('createLimiter', options, limiterOptionTable)
  const { max = Math.max(1, readThreadpoolSize(process.env['UV_THREADPOOL_SIZE']) - KEPT_FREE) } = options
  const { maxQueue = overloadDefaults.maxQueue, deadlineMs = overloadDefaults.limiterDeadlineMs } = options
  let done = 0
  let timeouts = 0
  const turnstile = new Turnstile(max, maxQueue, (queued) =>
    overloadError('HF_OVERLOAD_LIMITER_FULL', `${max} calls are running and ${queued} wait, as many as may.`, {
      details: { max, queued, maxQueue },
    }),
  )
  const makeError = () => {
    timeouts++
    return overloadError(
      'HF_OVERLOAD_LIMITER_TIMEOUT',
      `It was not its turn within ${deadlineMs} ms; ${max} run at once.`,
      {
        details: { max, queued: turnstile.queued, deadlineMs },
      },
    )
  }
  return {
    run: async <T>(fn: () => Promise<T> | T, run: LimiterRunOptions = {}) => {
      validateOptions('limiter.run', run, limiterRunOptionTable)
      const result = await turnstile.run(fn, { ...run, within: { ms: deadlineMs, makeError } })
      done++
      return result
    },
    stats: () => {
      const { running, queued, refused } = turnstile
      return { max, running, queued, done, refused, timeouts }
    },
  }
}

/** As libuv reads it: 4 where it is not set, at least 1, at most 1 024. */
export function readThreadpoolSize(text: string | undefined): number {
  if (text === undefined) return 4
  const size = Number.parseInt(text, 10)
  return Number.isNaN(size) ? 1 : Math.min(1_024, Math.max(1, size))
}
