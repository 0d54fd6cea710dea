import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy, throughProxy } from 'holdfast/prove'
import { judgeCount, summarize } from '../../harness/statistics.js'
import { DBOS, HOLDFAST, startProcess, type Part, type Setting } from './setting.js'

const WARM_UP_SAGAS = 20
const SAGAS = 20
/** What still comes of a saga whose result is known is its own too. */
const REST_MS = 50

const OWN = 'sagas-trips-holdfast'

/**
 * Bursts of one saga, from its start to its result in the same process, one saga after the other. Judged is the worst of
 * them. DBOS looks at its queues once a second, which the median does not see.
 */
export const trips: Part = async (place) => {
  const calls = await countBursts(place, HOLDFAST, OWN, 'calls_once')
  const txs = await countBursts(place, HOLDFAST, OWN, 'txs_once')
  const unasked = await countBursts(place, HOLDFAST, OWN, 'calls_unasked')
  const peer = await countBursts(place, DBOS, 'sagas-dbos', 'calls_once')
  return {
    rows: [
      summarize(HOLDFAST, 'external_bursts', 'bursts/saga', calls),
      summarize(`${HOLDFAST}, nobody asks for the result`, 'external_bursts', 'bursts/saga', unasked),
      summarize(DBOS, 'external_bursts', 'bursts/saga', peer),
      summarize(HOLDFAST, 'tx_bursts', 'bursts/saga', txs),
    ],
    checks: [
      judgeCount('external_round_trips', Math.max(...calls), { atMost: 4 }),
      judgeCount('tx_round_trips', Math.max(...txs), { atMost: 7 }),
    ],
  }
}

async function countBursts(place: Setting, name: string, module: string, metric: string): Promise<number[]> {
  const direct = place.databases.urlOf(name)
  const { hostname: host, port } = new URL(direct)
  const proxy = await startProxy({ host, port: Number(port) })
  const subject = await startProcess(place, name, { module, url: throughProxy(direct, proxy) })
  const counts: number[] = []
  try {
    for (let n = 0; n < WARM_UP_SAGAS; n++) await subject.run(metric, 1)
    for (let n = 0; n < SAGAS; n++) {
      await sleep(REST_MS)
      const before = proxy.bursts()
      await subject.run(metric, 1)
      await sleep(REST_MS)
      counts.push(proxy.bursts() - before)
    }
    place.input.progress(`${metric} of ${name}: ${counts.join(', ')} bursts`)
    return counts
  } finally {
    await subject.close()
    await proxy.close()
  }
}
