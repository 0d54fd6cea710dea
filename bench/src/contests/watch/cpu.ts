import { rateOf, runPairs, type Round } from '../../harness/pairs.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import type { Row } from '../../harness/types.js'
import {
  BARE,
  BARE_AGAIN,
  CONTEXT,
  CORE,
  cpuOf,
  describeService,
  HOLDFAST,
  HOLDFAST_FRAME,
  OTEL,
  OTEL_METRICS,
  PROM,
  type Part,
} from './setting.js'

const overBare = { atMost: 1.1 } as const
const overOurs = { atLeast: 8 } as const
/** An overhead that cannot be told from nothing counts as so much of the bare application's CPU. */
const LEAST_OVERHEAD = 0.02

/** CPU of the service for a request with two queries, beside the same without us. */
export const cpu: Part = async (setting) => {
  const names = [HOLDFAST, HOLDFAST_FRAME, CORE, CONTEXT, BARE, BARE_AGAIN]
  const subjects = names.map((name) => describeService(setting, name))
  const ratio = (round: Round) => cpuOf(round, HOLDFAST) / cpuOf(round, BARE)
  const { rounds, ratios } = await runPairs({ metric: 'cpu', subjects, ratio, bound: overBare }, setting.input)
  return {
    rows: [
      ...describeCpu('cpu', rounds, names),
      ...[HOLDFAST_FRAME, CORE, CONTEXT].map((name) => describeRatio('cpu_ratio', rounds, name)),
      describeRatio('cpu_ratio', rounds, BARE_AGAIN, ' (noise)'),
    ],
    checks: [judgeRatio('cpu_over_bare', ratios, overBare)],
  }
}

/** What others add to the same request, over what we add. */
export const overhead: Part = async (setting) => {
  const names = [HOLDFAST, BARE, OTEL, OTEL_METRICS, PROM]
  const subjects = names.map((name) => describeService(setting, name))
  const over = (name: string) => (round: Round) => overheadOver(round, name)
  const pairing = { metric: 'cpu', subjects, ratio: over(OTEL), bound: overOurs, mixed: true }
  const { rounds, ratios } = await runPairs(pairing, setting.input)
  const others = [OTEL, OTEL_METRICS, PROM]
  return {
    rows: [
      ...describeCpu('overhead', rounds, names),
      ...[HOLDFAST, ...others].map((name) => describeRatio('overhead_cpu_ratio', rounds, name)),
      ...others.map((name) =>
        summarize(`overhead of ${name} over ours`, 'overhead_ratio', 'ratio', rounds.map(over(name))),
      ),
    ],
    checks: [judgeRatio('otel_overhead_over_ours', ratios, overOurs)],
  }
}

function overheadOver(round: Round, name: string): number {
  const bare = cpuOf(round, BARE)
  return (cpuOf(round, name) - bare) / Math.max(cpuOf(round, HOLDFAST) - bare, LEAST_OVERHEAD * bare)
}

function describeCpu(metric: string, rounds: readonly Round[], names: readonly string[]): Row[] {
  const describe = (suffix: string, unit: string, read: (round: Round, name: string) => number) =>
    names.map((name) =>
      summarize(
        name,
        `${metric}_${suffix}`,
        unit,
        rounds.map((round) => read(round, name)),
      ),
    )
  return [...describe('time', 'µs/request', cpuOf), ...describe('rate', 'requests/s', rateOf)]
}

function describeRatio(metric: string, rounds: readonly Round[], name: string, remark = ''): Row {
  const ratios = rounds.map((round) => cpuOf(round, name) / cpuOf(round, BARE))
  return summarize(`${name} over ${BARE}${remark}`, metric, 'ratio', ratios)
}
