import { createRequire } from 'node:module'
import { runPairs, type Round } from '../harness/pairs.js'
import { judgeRatio, summarize } from '../harness/statistics.js'
import { startSubject, type RunningSubject, type SubjectProcess, type SubjectStart } from '../harness/subjects.js'
import type { Contest, Row, Stretch } from '../harness/types.js'

const LANES = 8
const bound = { atMost: 1.1 }

const HOLDFAST = 'holdfast'
const CORE = 'holdfast without watch'
const BARE = 'hono and pg'
const BARE_AGAIN = 'hono and pg again'
const modules: Readonly<Record<string, string>> = {
  [HOLDFAST]: 'watch-holdfast',
  [CORE]: 'watch-core',
  [BARE]: 'watch-bare',
  [BARE_AGAIN]: 'watch-bare',
}

/** What it costs to be watched: CPU of the service for a request with two queries. */
export const watchContest: Contest = {
  name: 'watch',
  run: async (input) => {
    const subjects = Object.entries(modules).map(([name, module]) => describeService(name, module, input.url))
    const ratio = (round: Round) => cpuOf(round, HOLDFAST) / cpuOf(round, BARE)
    const { rounds, ratios } = await runPairs({ metric: 'cpu', subjects, ratio, bound }, input)
    const over = (name: string) => rounds.map((round) => cpuOf(round, name) / cpuOf(round, BARE))
    const rows: Row[] = [
      ...subjects.map(({ name }) =>
        summarize(
          name,
          'cpu',
          'µs/request',
          rounds.map((round) => cpuOf(round, name)),
        ),
      ),
      ...subjects.map(({ name }) =>
        summarize(
          name,
          'rate',
          'requests/s',
          rounds.map((round) => rateOf(round, name)),
        ),
      ),
      summarize(`${CORE} over ${BARE}`, 'cpu_ratio', 'ratio', over(CORE)),
      summarize(`${BARE_AGAIN} over ${BARE} (noise)`, 'cpu_ratio', 'ratio', over(BARE_AGAIN)),
    ]
    return { rows, checks: [judgeRatio('cpu_over_bare', ratios, bound)], versions: readVersions() }
  },
}

/** A service and its clients, each in a process of its own. */
function describeService(name: string, module: string, url: string): SubjectStart {
  const start = async (file: string, target: string) =>
    await startSubject(name, new URL(`../subjects/${file}.js`, import.meta.url), target, LANES)
  return {
    name,
    start: async () => {
      const service = await start(module, url)
      const { samples: [port] = [] } = await service.run('listen', 0)
      return join(name, service, await start('watch-clients', `http://127.0.0.1:${port}`))
    },
  }
}

/** CPU is the service's own. */
function join(name: string, service: SubjectProcess, clients: SubjectProcess): RunningSubject {
  return {
    name,
    run: async (metric, ms) => {
      await service.run('begin', 0)
      const { operations, seconds } = await clients.run(metric, ms)
      const { cpuUs } = await service.run('end', 0)
      return { operations, seconds, cpuUs }
    },
    close: async () => {
      await clients.close()
      await service.close()
    },
  }
}

function cpuOf(round: Round, name: string): number {
  const { cpuUs, operations } = round.get(name) as Stretch
  return cpuUs / operations
}

function rateOf(round: Round, name: string): number {
  const { seconds, operations } = round.get(name) as Stretch
  return operations / seconds
}

function readVersions(): Record<string, string> {
  const require = createRequire(import.meta.url)
  const read = (name: string) => (require(`${name}/package.json`) as { version: string }).version
  // hono is pinned exactly in bench/package.json, and does not export its own.
  return { holdfast: read('holdfast'), pg: read('pg') }
}
