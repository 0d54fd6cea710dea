import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../utils/logger.js'
import { createRandom } from '../../utils/random.js'
import { seatsPerEvent } from './model.js'

export interface Rush {
  /** A crowd of the presale's own, for a while; a later one takes its place. No events: it goes home. */
  begin(eventIds: readonly string[]): void
}

export interface RushOptions {
  /** Sends a request to this process, as a visitor would. */
  post: (path: string, body: object) => Promise<unknown>
  logger: Logger
  /** Sends everybody home. */
  signal?: AbortSignal
  /** Default: 60 000 ms. */
  ms?: number
}

/** @unit ms */
const pauseMs = 50
/** Of those that the seed has made. */
const mostCustomers = 100

/** Nobody sells so fast that two of the usual crowd meet at one row. */
export function createRush({ post, logger, signal: closing, ms = 60_000 }: RushOptions): Rush {
  let ending = new AbortController()
  let running = Promise.resolve()

  async function run(eventIds: readonly string[], signal: AbortSignal): Promise<void> {
    const random = createRandom(7)
    const until = performance.now() + ms
    while (!signal.aborted && performance.now() < until) {
      const eventId = random.pick(eventIds)
      const customerId = String(random.integer(1, mostCustomers))
      const code = `CODE-${random.integer(1, 500)}`
      const seat = (): string => `/presale/${eventId}/seats/${random.integer(1, seatsPerEvent)}`
      // Each twice at once: who clicks twice, and who shares a code.
      await Promise.all(
        [1, 2].flatMap(() => [
          post(`/presale/${eventId}/passes`, { customerId, count: 1 }),
          post('/presale/promos', { customerId, code }),
          post(seat(), { customerId }),
        ]),
      )
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  return {
    begin(eventIds) {
      ending.abort()
      ending = new AbortController()
      if (eventIds.length === 0) return
      const own = closing ? AbortSignal.any([ending.signal, closing]) : ending.signal
      running = running
        .then(async () => await run(eventIds, own))
        .catch((error: unknown) => logger.warn({ err: error }, 'the rush has ended early'))
    },
  }
}
