import { runPairs, type Round } from '../../harness/pairs.js'
import type { PeerPart } from '../../harness/peer-contest.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import { cpuOf, describeService } from '../watch/setting.js'

const ON = 'watch with clash'
const OFF = 'watch without clash'
const ALWAYS = 'watch with clash, every request followed'
const modules = { [ON]: 'clash-on', [OFF]: 'clash-off', [ALWAYS]: 'clash-always' }
const overWatch = { atMost: 1.05 } as const
/** Two periods: in a shorter one requests are mostly not followed, and the median would say that it costs nothing. */
const STRETCH_MS = 20_000

/** CPU of the service of the contest watch for a request with two queries. */
export const cpu: PeerPart = async (setting) => {
  const subjects = Object.entries(modules).map(([name, module]) => describeService(setting, name, module))
  const over = (name: string) => (round: Round) => cpuOf(round, name) / cpuOf(round, OFF)
  const { quick } = setting.input
  const pairing = {
    metric: 'cpu',
    subjects,
    ratio: over(ON),
    bound: overWatch,
    mixed: true,
    mostPairs: 15,
    ...(!quick && { stretchMs: STRETCH_MS }),
  }
  const { rounds, ratios } = await runPairs(pairing, setting.input)
  return {
    rows: [
      ...Object.keys(modules).map((name) =>
        summarize(
          name,
          'observe_cpu',
          'µs/request',
          rounds.map((round) => cpuOf(round, name)),
        ),
      ),
      summarize(`${ON} over ${OFF}`, 'observe_ratio', 'ratio', ratios),
      summarize(`${ALWAYS} over ${OFF}`, 'observe_ratio', 'ratio', rounds.map(over(ALWAYS))),
    ],
    checks: [judgeRatio('observe_cpu_over_watch', ratios, overWatch)],
  }
}
