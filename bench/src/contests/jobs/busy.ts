import { runPairs } from '../../harness/pairs.js'
import { measureTrips } from '../../harness/round-trips.js'
import { startSlowNetwork, type SlowNetwork } from '../../harness/slow-network.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import { startSubject, type RunningSubject, type SubjectStart } from '../../harness/subjects.js'
import type { Row, Stretch } from '../../harness/types.js'
import { BULLMQ, BULLMQ_PG, HOLDFAST, overBestPeer, rateOf, type Part, type Round, type Setting } from './setting.js'

const WORKERS = 4
const RTT_MS = 1

const modules = {
  [HOLDFAST]: 'jobs-busy-holdfast',
  'graphile-worker': 'jobs-busy-graphile-worker',
  'pg-boss': 'jobs-busy-pg-boss',
  [BULLMQ_PG]: 'jobs-busy-bullmq-postgres',
  [BULLMQ]: 'jobs-busy-bullmq',
} as const

type Name = keyof typeof modules

const bound = { atLeast: 2 } as const

interface Networks {
  postgres: SlowNetwork
  redis: SlowNetwork | undefined
}

/**
 * What a queue does for a living: handlers that take a millisecond, 2 KB of payload, a unique key, no two jobs of a key at
 * once, 5 % that fail once; four worker processes, a millisecond to the server and back. The clock begins with the first
 * start in any of the four and ends when no job is left. Nearest to a limit per key: pg-boss groupConcurrency, graphile a
 * named queue per key, BullMQ none (its groups are not in the free package), which spares it that work. Nearest to a
 * unique key: policy exclusive, a job key, deduplication. graphile's shortest pause before a retry is seconds: the jobs
 * that fail are in the first half.
 */
export const busy: Part = async (setting) => {
  const networks = await openNetworks(setting)
  try {
    const rows = await measureTrips('busy', setting.input, networks.postgres)
    const names = (Object.keys(modules) as Name[]).filter((name) => name !== BULLMQ || networks.redis)
    const proxyShares = new Map<string, number[]>(names.map((name) => [name, []]))
    const { rounds, ratios } = await runPairs(
      {
        metric: 'busy',
        subjects: names.map((name) => describeTeam(setting, networks, name, proxyShares.get(name) as number[])),
        bound,
        mixed: true,
        fewestPairs: 10,
        mostPairs: 20,
        ratio: (round) => overBestPeer(round, names.slice(1)),
      },
      setting.input,
    )
    for (const name of names) rows.push(...describeRates(name, rounds, proxyShares.get(name) as number[]))
    return { rows, checks: [judgeRatio('busy_over_best_peer', ratios, bound)] }
  } finally {
    await networks.postgres.close()
    await networks.redis?.close()
  }
}

async function openNetworks({ input, redisUrl }: Setting): Promise<Networks> {
  return {
    postgres: await startSlowNetwork(input.url, RTT_MS),
    redis: redisUrl === undefined ? undefined : await startSlowNetwork(redisUrl, RTT_MS),
  }
}

/** One process that fills and looks, directly, and the workers behind the slow network. */
function describeTeam(setting: Setting, networks: Networks, name: Name, proxyShares: number[]): SubjectStart {
  const network = name === BULLMQ ? (networks.redis as SlowNetwork) : networks.postgres
  const url = name === BULLMQ ? (setting.redisUrl as string) : setting.databases.urlOf(name)
  const module = new URL(`../../subjects/${modules[name]}.js`, import.meta.url)
  const open = async (at: string) => await startSubject(name, module, at, WORKERS, setting.execPath)
  return {
    name,
    start: async () => {
      const feeder = await open(url)
      const workers: RunningSubject[] = []
      for (let n = 0; n < WORKERS; n++) workers.push(await open(network.through(url)))
      return createTeam(name, feeder, workers, network, proxyShares)
    },
  }
}

function createTeam(
  name: string,
  feeder: RunningSubject,
  workers: readonly RunningSubject[],
  network: SlowNetwork,
  proxyShares: number[],
): RunningSubject {
  let perMs = 2
  return {
    name,
    run: async (_metric, ms) => {
      const amount = Math.max(1_000, Math.round(perMs * ms))
      await feeder.run('busy_fill', amount)
      await network.readCpu()
      await Promise.all(workers.map(async (worker) => await worker.run('busy_begin', 0)))
      const { samples: [endedAt = 0] = [] } = await feeder.run('busy_await', amount)
      const proxyCpuUs = await network.readCpu()
      const parts = await Promise.all(workers.map(async (worker) => await worker.run('busy_end', 0)))
      const stretch = joinParts(amount, parts, endedAt)
      perMs = amount / (stretch.seconds * 1_000)
      proxyShares.push(proxyCpuUs / 1e6 / stretch.seconds)
      return stretch
    },
    close: async () => {
      for (const each of [...workers, feeder]) await each.close()
    },
  }
}

function joinParts(amount: number, parts: readonly Stretch[], endedAt: number): Stretch {
  const ran = parts.reduce((sum, { operations }) => sum + operations, 0)
  if (ran !== amount) throw new Error(`Of ${amount} jobs ${ran} succeeded.`)
  const beganAt = Math.min(...parts.flatMap(({ samples = [] }) => samples))
  const cpuUs = parts.reduce((sum, part) => sum + part.cpuUs, 0)
  return { operations: amount, seconds: (endedAt - beganAt) / 1_000, cpuUs }
}

function describeRates(name: string, rounds: readonly Round[], proxyShares: readonly number[]): Row[] {
  const stretches = rounds.map((round) => round.get(name) as Stretch)
  return [
    summarize(
      name,
      'busy_rate',
      'jobs/s',
      rounds.map((round) => rateOf(round, name)),
    ),
    summarize(
      name,
      'busy_cpu',
      'µs/job',
      stretches.map(({ cpuUs, operations }) => cpuUs / operations),
    ),
    summarize(name, 'busy_network_cpu', 'cores', proxyShares),
  ]
}
