import { rateOf, runPairs, type Round } from '../../harness/pairs.js'
import { describeNoise, describeRates } from '../../harness/rates.js'
import { measureTrips } from '../../harness/round-trips.js'
import { startSlowNetwork, type SlowNetwork } from '../../harness/slow-network.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import { startSubject, type RunningSubject, type SubjectProcess, type SubjectStart } from '../../harness/subjects.js'
import type { Row } from '../../harness/types.js'
import { HOLDFAST, type Part, type Setting } from './setting.js'
import { HTTP_CLIENTS, MANY_HTTP_CLIENTS, RTT_MS } from './settings.js'

const bound = { atLeast: 0.7 } as const
/** Pairs where nothing is judged. */
const FEW_PAIRS = { fewestPairs: 10, mostPairs: 10 }

const HANDLED = 'handle'
const BARE = 'bare'
const BARE_AGAIN = 'bare again'
/** One process does both kinds, one after the other. */
const turns = [
  { name: HANDLED, subject: HOLDFAST, metric: 'handled' },
  { name: BARE, subject: HOLDFAST, metric: 'bare' },
  { name: BARE_AGAIN, subject: HOLDFAST, metric: 'bare' },
]

/**
 * What a key costs: POST /orders over HTTP, its transaction in `idempotency.handle` with a fresh key each time, over the
 * same transaction without. A millisecond lies between service and database; the clients are beside the service. The
 * orders are for many events: buyers of one would wait for its row, and hide what a key costs.
 */
export const idempotent: Part = async (setting) => {
  const network = await startSlowNetwork(setting.input.url, RTT_MS)
  try {
    const trips = await measureTrips('idempotent', setting.input, network)
    const judged = await measure(setting, { metric: 'idempotent', clients: HTTP_CLIENTS, network })
    const many = { metric: 'idempotent_32', clients: MANY_HTTP_CLIENTS, network, pairs: FEW_PAIRS }
    const direct = { metric: 'idempotent_rtt0', clients: HTTP_CLIENTS, pairs: FEW_PAIRS }
    return {
      rows: [
        ...trips,
        ...judged.rows,
        ...(await measure(setting, many)).rows,
        ...(await measure(setting, direct)).rows,
      ],
      checks: [judgeRatio('idempotent_over_bare', judged.ratios, bound)],
    }
  } finally {
    await network.close()
  }
}

interface Case {
  metric: string
  clients: number
  /** Undefined: the service asks the server directly. */
  network?: SlowNetwork
  pairs?: typeof FEW_PAIRS
}

async function measure(setting: Setting, { metric, clients, network, pairs }: Case) {
  const networkShares: number[] = []
  const service = describeService(setting, clients, network, networkShares)
  const { rounds, ratios } = await runPairs(
    { metric, subjects: [service], turns, bound, mixed: true, ratio: handledOverBare, ...pairs },
    setting.input,
  )
  const rows: Row[] = [
    ...describeRates(metric, 'request', rounds),
    summarize(`${HANDLED} over ${BARE}`, `${metric}_ratio`, 'ratio', ratios),
    describeNoise(metric, rounds, BARE_AGAIN, BARE),
  ]
  if (network) rows.push(summarize('slow network', `${metric}_network_cpu`, 'cores', networkShares))
  return { rows, ratios }
}

function handledOverBare(round: Round): number {
  return rateOf(round, HANDLED) / rateOf(round, BARE)
}

/** A service and its clients, each in a process of its own. */
function describeService(
  setting: Setting,
  amount: number,
  network: SlowNetwork | undefined,
  networkShares: number[],
): SubjectStart {
  const direct = setting.databases.urlOf(HOLDFAST)
  const start = async (module: string, url: string) =>
    await startSubject(HOLDFAST, new URL(`../../subjects/${module}.js`, import.meta.url), url, amount)
  return {
    name: HOLDFAST,
    start: async () => {
      const service = await start('orders-service', network ? network.through(direct) : direct)
      const { samples: [port] = [] } = await service.run('listen', 0)
      const clients = await start('orders-clients', `http://127.0.0.1:${port}`)
      return joinService(service, clients, network, networkShares)
    },
  }
}

/** CPU is the service's own. */
function joinService(
  service: SubjectProcess,
  clients: SubjectProcess,
  network: SlowNetwork | undefined,
  networkShares: number[],
): RunningSubject {
  return {
    name: HOLDFAST,
    run: async (metric, ms) => {
      await service.run('begin', 0)
      await network?.readCpu()
      const { operations, seconds } = await clients.run(metric, ms)
      const networkUs = await network?.readCpu()
      if (networkUs !== undefined) networkShares.push(networkUs / 1e6 / seconds)
      const { cpuUs } = await service.run(`end_${metric}`, operations)
      return { operations, seconds, cpuUs }
    },
    close: async () => {
      await clients.close()
      await service.close()
    },
  }
}
