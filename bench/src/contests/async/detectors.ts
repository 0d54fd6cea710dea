import { runPairs, type Round } from '../../harness/pairs.js'
import type { PeerPart } from '../../harness/peer-contest.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import { cpuOf, describeService } from '../watch/setting.js'

const ON = 'watch with all detectors'
const OFF = 'watch alone'
const BARE = 'hono and pg'
const BARE_AGAIN = 'hono and pg again'
const BLOCKED_AT = 'blocked-at'
const modules = {
  [ON]: 'async-detectors-on',
  [OFF]: 'async-detectors-off',
  [BARE]: 'watch-bare',
  [BARE_AGAIN]: 'watch-bare',
  [BLOCKED_AT]: 'async-blocked-at',
}

const overWatch = { atMost: 1.1 } as const
const overOurs = { atLeast: 10 } as const
/** An overhead that cannot be told from nothing counts as so much of the bare application's CPU. */
const LEAST_OVERHEAD = 0.02

/** CPU of the service of contests/watch for a request with two queries: looking for who blocks, and not. */
export const detectors: PeerPart = async (setting) => {
  const subjects = Object.entries(modules).map(([name, module]) => describeService(setting, name, module))
  const over = (name: string, base: string) => (round: Round) => cpuOf(round, name) / cpuOf(round, base)
  const pairing = { metric: 'cpu', subjects, ratio: over(ON, OFF), bound: overWatch, mixed: true }
  const { rounds, ratios } = await runPairs(pairing, setting.input)
  const describe = (subject: string, metric: string, read: (round: Round) => number, unit = 'ratio') =>
    summarize(subject, metric, unit, rounds.map(read))
  return {
    rows: [
      ...Object.keys(modules).map((name) =>
        describe(name, 'detectors_cpu', (round) => cpuOf(round, name), 'µs/request'),
      ),
      ...[ON, OFF, BLOCKED_AT].map((name) => describe(`${name} over ${BARE}`, 'detectors_ratio', over(name, BARE))),
      describe(`${ON} over ${OFF}`, 'detectors_ratio', over(ON, OFF)),
      describe(`${BARE_AGAIN} over ${BARE} (noise)`, 'detectors_ratio', over(BARE_AGAIN, BARE)),
      describe(
        `what the detectors add to ${OFF}`,
        'detectors_alone',
        (round) => cpuOf(round, ON) - cpuOf(round, OFF),
        'µs/request',
      ),
      describe(`${BLOCKED_AT} over the detectors alone`, 'detectors_overhead_ratio', (round) =>
        overheadOver(round, OFF),
      ),
    ],
    checks: [
      judgeRatio('detectors_cpu_over_watch', ratios, overWatch),
      judgeRatio(
        'blocked_at_overhead_over_ours',
        rounds.map((round) => overheadOver(round, BARE)),
        overOurs,
      ),
    ],
  }
}

/** What blocked-at adds to the bare application, over what ours adds to `base`. */
function overheadOver(round: Round, base: string): number {
  const bare = cpuOf(round, BARE)
  return (cpuOf(round, BLOCKED_AT) - bare) / Math.max(cpuOf(round, ON) - cpuOf(round, base), LEAST_OVERHEAD * bare)
}
