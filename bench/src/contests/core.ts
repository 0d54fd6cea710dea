import { createRequire } from 'node:module'
import { connect } from 'holdfast'
import { startProxy, throughProxy } from 'holdfast/prove'
import { runPairs } from '../harness/pairs.js'
import { judgeCount, judgeRatio, summarize } from '../harness/statistics.js'
import { startSubject, type SubjectStart } from '../harness/subjects.js'
import type { Check, Contest, ContestInput, Row, Stretch } from '../harness/types.js'

const LANES = 8
const metrics = [
  { metric: 'query', id: 'query_cpu_over_pg', bound: { atMost: 1.1 } },
  { metric: 'tx', id: 'tx_cpu_over_pg', bound: { atMost: 1.2 } },
] as const

/** What the core costs over plain node-postgres: CPU of the client process per operation, and round trips. */
export const coreContest: Contest = {
  name: 'core',
  run: async (input) => {
    const rows: Row[] = []
    const checks: Check[] = []
    const proxied = await openNetwork(input)
    const subjects = [
      describeSubject('holdfast', '../subjects/core-holdfast.js', proxied.url),
      describeSubject('pg', '../subjects/core-pg.js', proxied.url),
      describeSubject('pg again', '../subjects/core-pg.js', proxied.url),
    ]
    try {
      for (const { metric, id, bound } of metrics) {
        const ratio = (round: ReadonlyMap<string, Stretch>) => cpuOf(round, 'holdfast') / cpuOf(round, 'pg')
        const { rounds, ratios } = await runPairs({ metric, subjects, ratio, bound }, input)
        checks.push(judgeRatio(id, ratios, bound))
        rows.push(...describeRounds(metric, subjects, rounds))
        const noise = rounds.map((round) => cpuOf(round, 'pg again') / cpuOf(round, 'pg'))
        rows.push(summarize('pg again over pg (noise)', `${metric}_cpu_ratio`, 'ratio', noise))
      }
    } finally {
      await proxied.close()
    }
    const trips = await countRoundTrips(input.url)
    checks.push(judgeCount('query_round_trips', trips.query, { atMost: 1 }))
    checks.push(judgeCount('tx_round_trips', trips.tx, { atMost: 3 }))
    return { rows, checks, versions: readVersions() }
  },
}

function describeSubject(name: string, module: string, url: string): SubjectStart {
  return { name, start: async () => await startSubject(name, new URL(module, import.meta.url), url, LANES) }
}

function cpuOf(round: ReadonlyMap<string, Stretch>, name: string): number {
  const { cpuUs, operations } = round.get(name) as Stretch
  return cpuUs / operations
}

function describeRounds(
  metric: string,
  subjects: readonly SubjectStart[],
  rounds: readonly ReadonlyMap<string, Stretch>[],
): Row[] {
  return subjects.flatMap(({ name }) => {
    const stretches = rounds.map((round) => round.get(name) as Stretch)
    return [
      summarize(
        name,
        `${metric}_cpu`,
        'µs/op',
        stretches.map(({ cpuUs, operations }) => cpuUs / operations),
      ),
      summarize(
        name,
        `${metric}_rate`,
        'op/s',
        stretches.map(({ operations, seconds }) => operations / seconds),
      ),
    ]
  })
}

async function openNetwork({ url, rttMs }: ContestInput): Promise<{ url: string; close: () => Promise<void> }> {
  if (rttMs === 0) return { url, close: async () => {} }
  const { hostname, port } = new URL(url)
  const proxy = await startProxy({ host: hostname, port: Number(port), rttMs })
  return { url: throughProxy(url, proxy), close: proxy.close }
}

/** Client bursts per operation, each counted over a hundred of them. */
async function countRoundTrips(url: string): Promise<{ query: number; tx: number }> {
  const { hostname, port } = new URL(url)
  const proxy = await startProxy({ host: hostname, port: Number(port) })
  const db = await connect({ url: throughProxy(url, proxy), pool: { max: 1 } })
  const measure = async (operate: () => Promise<unknown>) => {
    const before = proxy.bursts()
    for (let n = 0; n < 100; n++) await operate()
    return (proxy.bursts() - before) / 100
  }
  const query = await measure(async () => await db.query('select $1::int', [1]))
  const tx = await measure(async () => await db.tx(async (t) => await t.query('select $1::int', [1])))
  await db.close()
  await proxy.close()
  return { query, tx }
}

function readVersions(): Record<string, string> {
  const require = createRequire(import.meta.url)
  const read = (name: string) => (require(`${name}/package.json`) as { version: string }).version
  return { holdfast: read('holdfast'), pg: read('pg') }
}
