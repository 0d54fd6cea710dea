import type { Logger } from '../../utils/logger.js'
import type { OrdersService } from './service.js'

const batchSize = 20

export interface SettlerOptions {
  orders: OrdersService
  logger: Logger
  /** Pause between two rounds. Default: 5 000 ms. */
  everyMs?: number
  /** Younger orders are left to the request that is buying them. Default: 30 000 ms. */
  olderThanMs?: number
}

/** Asks payments again and again about orders whose payment is open. Call the result to stop; it waits for the running round. */
export function startSettler({ orders, logger, everyMs = 5_000, olderThanMs = 30_000 }: SettlerOptions) {
  let afterId = '0'
  let isStopped = false
  let round = Promise.resolve()
  let timer = setTimeout(startRound, everyMs)

  async function settleBatch(): Promise<void> {
    try {
      // Goes on behind the last batch: orders that stay unknown must not starve the ones after them.
      afterId = await orders.settleOpenOrders(afterId, new Date(Date.now() - olderThanMs), batchSize)
    } catch (error) {
      logger.error({ err: error }, 'settling open orders failed')
    }
    if (!isStopped) timer = setTimeout(startRound, everyMs)
  }

  function startRound(): void {
    round = settleBatch()
  }

  return async function stop(): Promise<void> {
    isStopped = true
    clearTimeout(timer)
    await round
  }
}
