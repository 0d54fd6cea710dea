import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { validateOptions } from '../../core/index.js'
import { watchError } from '../errors.js'
import { profileOptionTable } from '../options.js'
import { attribute, type RouteProfile } from './attribute.js'
import { Marks } from './marks.js'

export interface ProfileOptions {
  /** The route whose functions are listed. Default: the one that used most. */
  route?: string
  /** So long is it looked at. Default: 5 000 ms. @unit ms */
  ms?: number
  /** Between two looks; shorter ones cost more. Default: 1 ms. @unit ms */
  intervalMs?: number
  /** At most so many functions. Default: 30. */
  limit?: number
  /** Ends it early when it aborts: what was seen until then is given. */
  signal?: AbortSignal
}

let endsAt: number | undefined

/**
 * Which functions use the CPU for a route, of this process and now: V8's profiler, whose every look is given to the request
 * that ran then, through all its continuations. A look each millisecond costs about a tenth of a busy process.
 *
 * @throws HF_WATCH_PROFILING, HF_OPTIONS_…
 */
export async function profileRoute(options: ProfileOptions = {}): Promise<RouteProfile> {
  validateOptions('profileRoute', options, profileOptionTable)
  const { route, ms = 5_000, intervalMs = 1, limit = 30, signal } = options
  if (endsAt !== undefined)
    throw watchError('HF_WATCH_PROFILING', `Another one ends in ${Math.ceil((endsAt - performance.now()) / 1_000)} s.`)
  endsAt = performance.now() + ms
  const session = new Session()
  try {
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: intervalMs * 1_000 })
    const marks = new Marks()
    try {
      await session.post('Profiler.start')
      // What ends it early gives what there is.
      await sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined)
      const { profile } = await session.post('Profiler.stop')
      return attribute(profile, marks, route, limit)
    } finally {
      marks.close()
    }
  } finally {
    session.disconnect()
    endsAt = undefined
  }
}
