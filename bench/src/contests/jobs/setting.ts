import type { PeerSetting as Setting } from '../../harness/peer-contest.js'
import { rateOf, type Round } from '../../harness/pairs.js'
import { findMedian, summarize } from '../../harness/statistics.js'
import { startSubject, type SubjectStart } from '../../harness/subjects.js'
import type { Row, Stretch } from '../../harness/types.js'

export { rateOf, type Round }

export type { PeerPart as Part, PeerSetting as Setting } from '../../harness/peer-contest.js'

export const HOLDFAST = 'holdfast'
export const AGAIN = 'holdfast again'
export const postgresPeers = ['graphile-worker', 'pg-boss'] as const
export const BULLMQ = 'BullMQ'
export const BULLMQ_PG = 'BullMQ on PostgreSQL'

export const onPostgres: readonly string[] = [HOLDFAST, AGAIN, ...postgresPeers, BULLMQ_PG]

const modules: Readonly<Record<string, string>> = {
  [HOLDFAST]: 'jobs-holdfast',
  [AGAIN]: 'jobs-holdfast',
  'graphile-worker': 'jobs-graphile-worker',
  'pg-boss': 'jobs-pg-boss',
  [BULLMQ_PG]: 'jobs-bullmq-postgres',
  [BULLMQ]: 'jobs-bullmq',
}

/** holdfast, itself again (the difference is noise), the peers on PostgreSQL, and BullMQ where there is a Redis. */
export function listSubjects(setting: Setting, lanes: number): SubjectStart[] {
  const names = setting.redisUrl === undefined ? onPostgres : [...onPostgres, BULLMQ]
  return names.map((name) => describeSubject(setting, name, lanes))
}

export function describeSubject({ execPath, redisUrl, databases }: Setting, name: string, lanes: number): SubjectStart {
  const module = new URL(`../../subjects/${modules[name]}.js`, import.meta.url)
  const url = name === BULLMQ ? (redisUrl as string) : databases.urlOf(name)
  return { name, start: async () => await startSubject(name, module, url, lanes, execPath) }
}

/** Against whichever peer was best in this very round: no smaller than the best one's median, so never in our favour. */
export function overBestPeer(round: Round, peers: readonly string[]): number {
  return rateOf(round, HOLDFAST) / Math.max(...peers.map((name) => rateOf(round, name)))
}

/** Rates and CPU of all subjects of a metric, and the noise: holdfast over itself. */
export function describeRates(metric: string, rounds: readonly Round[], perOperation = 1): Row[] {
  const names = [...(rounds[0] as Round).keys()]
  const rows = names.flatMap((name) => {
    const stretches = rounds.map((round) => round.get(name) as Stretch)
    const rates = rounds.map((round) => rateOf(round, name) * perOperation)
    const cpu = stretches.map(({ cpuUs, operations }) => cpuUs / operations / perOperation)
    return [summarize(name, `${metric}_rate`, 'jobs/s', rates), summarize(name, `${metric}_cpu`, 'µs/job', cpu)]
  })
  const noise = rounds.map((round) => rateOf(round, AGAIN) / rateOf(round, HOLDFAST))
  return [...rows, summarize('holdfast again over holdfast (noise)', `${metric}_ratio`, 'ratio', noise)]
}

/** @param share 0.5 gives the median. */
export function findPercentile(samples: readonly number[], share: number): number {
  if (share === 0.5) return findMedian(samples)
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] as number
}
