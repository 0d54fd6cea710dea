import { countStatements } from '../../harness/counted-server.js'
import { rateOf, runPairs, type Round } from '../../harness/pairs.js'
import { describeNoise } from '../../harness/rates.js'
import { judgeCount, judgeRatio, summarize } from '../../harness/statistics.js'
import type { Check, Row, Stretch } from '../../harness/types.js'
import { readHandovers, readTurns } from './lock-work.js'
import * as setting from './setting.js'
import { describeTeam } from './team.js'

const { ADVISORY, ADVISORY_JOINED, AGAIN, HOLDFAST, REDLOCK, REDLOCK_EAGER, SEMAPHORE } = setting
const names = [HOLDFAST, AGAIN, ADVISORY, ADVISORY_JOINED, REDLOCK, REDLOCK_EAGER, SEMAPHORE]
const overAdvisory = { atMost: 1.5 } as const
const overRedlock = { atLeast: 3 } as const
const percentile = { atMost: 5 } as const
const IDLE = `${HOLDFAST}, idle server`
/** Until nothing is made that is made once. */
const WARM_UP_RUNS = 3

/**
 * 20 waiters in 4 processes want one key twice each and hold it for 2 ms. One stretch is these 40 turns, whatever is told.
 * That is a busy machine; what a hand-over takes on an idle one is measured with a waiter in each process and longer turns.
 */
export const handover: setting.Part = async (place) => {
  const present = setting.chooseNames(place, names)
  const { rounds, ratios } = await runPairs(
    {
      metric: 'handover',
      subjects: present.map((name) => describeTeam(place, name)),
      turns: [
        ...present.map((name) => ({ name, subject: name, metric: 'handover' })),
        { name: IDLE, subject: HOLDFAST, metric: 'handover_idle' },
      ],
      bound: overAdvisory,
      mixed: true,
      ratio: (round) => compareTimes(round, HOLDFAST, ADVISORY),
      fewestPairs: 30,
    },
    place.input,
  )
  const p95s = rounds.map((round) => findPercentile(handoversOf(round, IDLE)))
  const checks: Check[] = [
    judgeRatio('handover_over_advisory_time', ratios, overAdvisory),
    judgeRatio('handover_p95_ms', p95s, percentile),
    ...(present.includes(REDLOCK) ? [judgeRedlock(rounds)] : []),
    judgeCount('handover_statements', await countOwn(place), { atMost: 100 }),
  ]
  return { rows: [...describeRounds(rounds), describeNoise('handover', rounds, AGAIN, HOLDFAST)], checks }
}

function judgeRedlock(rounds: readonly Round[]): Check {
  const ratios = rounds.map((round) => compareTimes(round, REDLOCK, HOLDFAST))
  return judgeRatio('redlock_over_handover_time', ratios, overRedlock)
}

/** Time of the one over time of the other. */
function compareTimes(round: Round, one: string, other: string): number {
  return rateOf(round, other) / rateOf(round, one)
}

function handoversOf(round: Round, name: string): number[] {
  return readHandovers(readTurns((round.get(name) as Stretch).samples ?? []))
}

function findPercentile(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * 0.95) - 1] as number
}

function describeRounds(rounds: readonly Round[]): Row[] {
  const present = [...(rounds[0] as Round).keys()]
  return present.flatMap((name) => {
    const times = rounds.map((round) => (round.get(name) as Stretch).seconds * 1_000)
    const cpu = rounds.map((round) => (round.get(name) as Stretch).cpuUs / 1_000)
    const handovers = rounds.map((round) => handoversOf(round, name))
    return [
      summarize(name, 'handover_time', 'ms', times),
      summarize(name, 'handover_cpu', 'ms', cpu),
      summarize(name, 'handover_p95', 'ms', handovers.map(findPercentile)),
    ]
  })
}

/** Everything that these processes have executed during 40 turns, heartbeats with it. */
async function countOwn(place: setting.Setting): Promise<number> {
  const direct = place.databases.urlOf(HOLDFAST)
  const server = await countStatements(direct)
  const team = await describeTeam(place, HOLDFAST, server.through(direct)).start()
  try {
    for (let n = 0; n < WARM_UP_RUNS; n++) await team.run('handover', 0)
    const before = server.statements
    await team.run('handover', 0)
    return server.statements - before
  } finally {
    await team.close()
    await server.close()
  }
}
