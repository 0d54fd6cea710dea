import pg from 'pg'
import type { SlowNetwork } from './slow-network.js'
import { findMedian, summarize } from './statistics.js'
import type { ContestInput, Row } from './types.js'

const TRIPS = 300

/** What the network really adds, as a timer is never early and seldom exact. */
export async function measureTrips(
  part: string,
  { url, progress }: Pick<ContestInput, 'url' | 'progress'>,
  network: SlowNetwork,
): Promise<Row[]> {
  const direct = findMedian(await timeTrips(url))
  const slow = findMedian(await timeTrips(network.through(url)))
  progress(`${part}: a round trip takes ${slow.toFixed(2)} ms, ${direct.toFixed(2)} without`)
  return [summarize('direct', 'round_trip', 'ms', [direct]), summarize('slow network', 'round_trip', 'ms', [slow])]
}

async function timeTrips(url: string): Promise<number[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const times: number[] = []
  for (let n = 0; n < TRIPS; n++) {
    const startedAt = performance.now()
    await client.query('select 1')
    times.push(performance.now() - startedAt)
  }
  await client.end()
  return times
}
