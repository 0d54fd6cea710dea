import { runPairs } from '../../harness/pairs.js'
import { judgeRatio, type Bound } from '../../harness/statistics.js'
import { BATCH } from './queue-work.js'
import { BULLMQ, describeRates, listSubjects, overBestPeer, postgresPeers, type Part } from './setting.js'

/** From a full queue to the last committed completion, one worker process. */
export const drain = rate({
  metric: 'drain',
  id: 'drain_over_best_peer',
  bound: { atLeast: 5 },
  lanes: 1,
  against: 'all',
})

/** One caller after the other's answer, a thousand jobs in a call. */
export const batchEnqueue = rate({
  metric: 'batch_enqueue',
  id: 'batch_enqueue_over_best_pg_peer',
  bound: { atLeast: 2 },
  lanes: 1,
  against: 'postgres',
  perOperation: BATCH,
})

/** 32 callers at once, one job in a call. */
export const singleEnqueue = rate({
  metric: 'single_enqueue_32',
  id: 'single_enqueue_32_over_best_pg_peer',
  bound: { atLeast: 20 },
  lanes: 32,
  against: 'postgres',
})

interface RateOptions {
  metric: string
  id: string
  bound: Bound
  lanes: number
  against: 'all' | 'postgres'
  /** Jobs in one operation. */
  perOperation?: number
}

function rate({ metric, id, bound, lanes, against, perOperation }: RateOptions): Part {
  return async (setting) => {
    const subjects = listSubjects(setting, lanes)
    const hasBullMq = against === 'all' && setting.redisUrl !== undefined
    const peers = hasBullMq ? [...postgresPeers, BULLMQ] : postgresPeers
    const { rounds, ratios } = await runPairs(
      { metric, subjects, bound, mixed: true, ratio: (round) => overBestPeer(round, peers) },
      setting.input,
    )
    return { rows: describeRates(metric, rounds, perOperation), checks: [judgeRatio(id, ratios, bound)] }
  }
}
