import { runPairs, type Round } from '../../harness/pairs.js'
import { findMedian, judgeRatio, summarize } from '../../harness/statistics.js'
import type { RunningSubject, SubjectStart } from '../../harness/subjects.js'
import type { Row, Stretch } from '../../harness/types.js'
import { findPercentile } from '../jobs/setting.js'
import { BARE, BARE_AGAIN, HOLDFAST, joinService, LOAD, startService, type Part, type Setting } from './setting.js'

const bound = { atMost: 1.05 } as const
const names = [BARE, HOLDFAST, BARE_AGAIN]
const STRETCH_MS = 4_000
const SATURATED_MS = 1_500
const WARM_UPS = 3

/**
 * Latency where requests come as they come, at 70 % of what the bare application was just seen to do at most. Each is
 * timed from when it was due: one that has to wait for a client counts its wait.
 */
export const latency: Part = async (setting) => {
  const limits: number[] = []
  const subjects = names.map((name) =>
    name === BARE ? describeMeasured(setting, limits) : describeLoaded(setting, name, limits),
  )
  const ratio = (round: Round) => p99Of(round, HOLDFAST) / p99Of(round, BARE)
  const stretch = setting.input.quick ? {} : { stretchMs: STRETCH_MS }
  const pairing = { metric: 'arrive', subjects, ratio, bound, ...stretch }
  const { rounds, ratios } = await runPairs(pairing, setting.input)
  const again = rounds.map((round) => p99Of(round, BARE_AGAIN) / p99Of(round, BARE))
  return {
    rows: [
      summarize(BARE, 'latency_limit', 'requests/s', limits),
      ...names.flatMap((name) => [0.5, 0.95, 0.99].map((share) => describeLatency(rounds, name, share))),
      summarize(`${BARE_AGAIN} over ${BARE} (noise)`, 'latency_p99_ratio', 'ratio', again),
    ],
    checks: [judgeRatio('p99_over_bare', ratios, bound)],
  }
}

/** Comes first in each generation: what it can do sets the load of all. */
function describeMeasured(setting: Setting, limits: number[]): SubjectStart {
  return {
    name: BARE,
    start: async () => {
      const service = await startService(setting, BARE)
      const subject = joinService(BARE, service)
      const ms = setting.input.quick ? SATURATED_MS / 5 : SATURATED_MS
      for (let n = 0; n < WARM_UPS; n++) await subject.run('cpu', ms)
      const rates: number[] = []
      for (let n = 0; n < WARM_UPS; n++) {
        const { operations, seconds } = await subject.run('cpu', ms)
        rates.push(operations / seconds)
      }
      limits.push(findMedian(rates))
      await service.clients.run('load', LOAD * findMedian(rates))
      return subject
    },
  }
}

function describeLoaded(setting: Setting, name: string, limits: readonly number[]): SubjectStart {
  return {
    name,
    start: async (): Promise<RunningSubject> => {
      const service = await startService(setting, name)
      await service.clients.run('load', LOAD * (limits.at(-1) as number))
      return joinService(name, service)
    },
  }
}

function p99Of(round: Round, name: string): number {
  return findPercentile((round.get(name) as Stretch).samples ?? [], 0.99)
}

function describeLatency(rounds: readonly Round[], name: string, share: number): Row {
  const values = rounds.map((round) => findPercentile((round.get(name) as Stretch).samples ?? [], share))
  return summarize(name, `latency_p${share * 100}`, 'ms', values)
}
