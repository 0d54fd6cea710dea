import { rateOf, runPairs, type Round } from '../../harness/pairs.js'
import { describeNoise, describeRates } from '../../harness/rates.js'
import { measureTrips } from '../../harness/round-trips.js'
import { startSlowNetwork, type SlowNetwork } from '../../harness/slow-network.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import type { SubjectStart } from '../../harness/subjects.js'
import type { Row } from '../../harness/types.js'
import { AGAIN, DBOS, HOLDFAST, startProcess, type Part, type Setting } from './setting.js'
import { LANES, RTT_MS } from './settings.js'

const bound = { atLeast: 6 } as const
/** Where nothing is judged. */
const FEW_PAIRS = { fewestPairs: 15, mostPairs: 15 }

const modules = { [HOLDFAST]: 'sagas-holdfast', [AGAIN]: 'sagas-holdfast', [DBOS]: 'sagas-dbos' }

/**
 * Sagas of three external steps that do nothing, twenty at a time in one process: what is left is the engine. One counts
 * when who started it has its result. The server is beside the process, then a millisecond away.
 */
export const throughput: Part = async (place) => {
  const judged = await measure(place, { metric: 'throughput' })
  const network = await startSlowNetwork(place.input.url, RTT_MS)
  try {
    const trips = await measureTrips('throughput_1ms', place.input, network)
    const slow = await measure(place, { metric: 'throughput_1ms', network, pairs: FEW_PAIRS })
    return {
      rows: [...judged.rows, ...trips, ...slow.rows],
      checks: [judgeRatio('sagas_over_dbos', judged.ratios, bound)],
    }
  } finally {
    await network.close()
  }
}

interface Case {
  metric: string
  /** Undefined: the process asks the server directly. */
  network?: SlowNetwork
  pairs?: typeof FEW_PAIRS
}

async function measure(place: Setting, { metric, network, pairs }: Case): Promise<{ rows: Row[]; ratios: number[] }> {
  const shares: number[] = []
  const subjects = Object.entries(modules).map(([name, module]) =>
    describeSubject(place, name, module, network, shares),
  )
  const turns = subjects.map(({ name }) => ({ name, subject: name, metric: 'calls' }))
  const { rounds, ratios } = await runPairs(
    { metric, subjects, turns, bound, mixed: true, ratio: overDbos, ...pairs },
    place.input,
  )
  const rows: Row[] = [
    ...describeRates(metric, 'saga', rounds),
    summarize(`${HOLDFAST} over ${DBOS}`, `${metric}_ratio`, 'ratio', ratios),
    describeNoise(metric, rounds, AGAIN, HOLDFAST),
  ]
  if (network) rows.push(summarize('slow network', `${metric}_network_cpu`, 'cores', shares))
  return { rows, ratios }
}

function overDbos(round: Round): number {
  return rateOf(round, HOLDFAST) / rateOf(round, DBOS)
}

/** `shares`: of a core, what the network took in each stretch; it must not be what everybody waits for. */
function describeSubject(
  place: Setting,
  name: string,
  module: string,
  network: SlowNetwork | undefined,
  shares: number[],
): SubjectStart {
  const direct = place.databases.urlOf(name)
  const url = network ? network.through(direct) : direct
  return {
    name,
    start: async () => {
      const subject = await startProcess(place, name, { module, lanes: LANES, url })
      return {
        ...subject,
        run: async (metric, ms) => {
          await network?.readCpu()
          const stretch = await subject.run(metric, ms)
          const cpuUs = await network?.readCpu()
          if (cpuUs !== undefined) shares.push(cpuUs / 1e6 / stretch.seconds)
          return stretch
        },
      }
    },
  }
}
