import { runPairs } from '../../harness/pairs.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import type { RunningSubject, SubjectStart } from '../../harness/subjects.js'
import type { Row, Stretch } from '../../harness/types.js'
import {
  AGAIN,
  describeSubject,
  findPercentile,
  HOLDFAST,
  listSubjects,
  type Part,
  type Round,
  type Setting,
} from './setting.js'

const GRAPHILE = 'graphile-worker'
/** Where nothing is judged. */
const FEW_PAIRS = { fewestPairs: 5, mostPairs: 5 }
/** 250 jobs at the pace of queue-work.ts. */
const STRETCH_MS = 5_000
const QUICK_STRETCH_MS = 2_000

const figures = [
  { metric: 'latency_p50', id: 'latency_p50_over_graphile', bound: { atMost: 1 }, share: 0.5 },
  { metric: 'latency_p99', id: 'latency_p99_over_graphile', bound: { atMost: 1.2 }, share: 0.99 },
] as const

/**
 * From the call that sends a job to the start of its handler in another process, few jobs on an idle server. As many rounds
 * as it takes for holdfast and the peer of the checks; what the others need is shown, and asked fewer times.
 */
export const latency: Part = async (setting) => {
  const names = listSubjects(setting, 1).map(({ name }) => name)
  const judged = await measure(
    setting,
    names.filter((name) => isJudged(name)),
    (round) => overGraphile(round, figures[0].share),
  )
  const shown = await measure(
    setting,
    names.filter((name) => !isJudged(name)),
    () => 1,
    FEW_PAIRS,
  )
  const checks = figures.map(({ id, bound, share }) =>
    judgeRatio(
      id,
      judged.map((round) => overGraphile(round, share)),
      bound,
    ),
  )
  return { rows: [...describeLatencies(judged), ...describeLatencies(shown)], checks }
}

const isJudged = (name: string): boolean => [HOLDFAST, AGAIN, GRAPHILE].includes(name)

async function measure(
  setting: Setting,
  names: readonly string[],
  ratio: (round: Round) => number,
  pairs = {},
): Promise<Round[]> {
  const { rounds } = await runPairs(
    {
      metric: 'latency_p50',
      subjects: names.map((name) => describePair(setting, name)),
      bound: figures[0].bound,
      mixed: true,
      stretchMs: setting.input.quick ? QUICK_STRETCH_MS : STRETCH_MS,
      ratio,
      ...pairs,
    },
    setting.input,
  )
  return rounds
}

function describeLatencies(rounds: readonly Round[]): Row[] {
  return [...(rounds[0] as Round).keys()].flatMap((name) =>
    figures.map(({ metric, share }) =>
      summarize(
        name,
        metric,
        'ms',
        rounds.map((round) => percentileOf(round, name, share)),
      ),
    ),
  )
}

function percentileOf(round: Round, name: string, share: number): number {
  return findPercentile((round.get(name) as Stretch).samples ?? [], share)
}

function overGraphile(round: Round, share: number): number {
  return percentileOf(round, HOLDFAST, share) / percentileOf(round, GRAPHILE, share)
}

/** A sender and a worker in two processes, as a service and its workers are: within one, a queue could wake itself. */
function describePair(setting: Setting, name: string): SubjectStart {
  const single = describeSubject(setting, name, 1)
  return {
    name,
    start: async () => {
      const receiver = await single.start()
      return joinPair(name, receiver, await single.start())
    },
  }
}

function joinPair(name: string, receiver: RunningSubject, sender: RunningSubject): RunningSubject {
  return {
    name,
    run: async (_metric, ms) => {
      const [received] = await Promise.all([receiver.run('latency_receive', ms), sender.run('latency_send', ms)])
      return received
    },
    close: async () => {
      await sender.close()
      await receiver.close()
    },
  }
}
