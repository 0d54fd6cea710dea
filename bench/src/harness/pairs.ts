import { bootstrapMedian, straddles, type Bound } from './statistics.js'
import type { RunningSubject } from './subjects.js'
import type { ContestInput, Stretch } from './types.js'

const STRETCH_MS = 2_000
const FEWEST_PAIRS = 15
const MOST_PAIRS = 60

export interface Pairing {
  metric: string
  subjects: readonly RunningSubject[]
  /** Looked at after the fewest pairs: while it straddles the bound, the pairs double. */
  ratio: (round: ReadonlyMap<string, Stretch>) => number
  bound: Bound
}

/** Rounds in which every subject works once, in rotated order, so that drift of the machine hits all alike. */
export async function runPairs(
  { metric, subjects, ratio, bound }: Pairing,
  { quick, progress }: Pick<ContestInput, 'quick' | 'progress'>,
): Promise<{ rounds: ReadonlyMap<string, Stretch>[]; ratios: number[] }> {
  const rounds: ReadonlyMap<string, Stretch>[] = []
  for (const subject of subjects) await subject.run(metric, quick ? 200 : 1_000)
  let wanted = quick ? 5 : FEWEST_PAIRS
  for (;;) {
    while (rounds.length < wanted)
      rounds.push(await runRound(metric, subjects, rounds.length, quick ? 300 : STRETCH_MS))
    const ratios = rounds.map(ratio)
    const interval = bootstrapMedian(ratios)
    progress(`${metric}: ${rounds.length} pairs, ratio ${interval.map((value) => value.toFixed(3)).join(' to ')}`)
    if (quick || wanted >= MOST_PAIRS || !straddles(bound, interval)) return { rounds, ratios }
    wanted = Math.min(MOST_PAIRS, wanted * 2)
  }
}

async function runRound(
  metric: string,
  subjects: readonly RunningSubject[],
  index: number,
  ms: number,
): Promise<ReadonlyMap<string, Stretch>> {
  const round = new Map<string, Stretch>()
  for (let turn = 0; turn < subjects.length; turn++) {
    const subject = subjects[(turn + index) % subjects.length] as RunningSubject
    round.set(subject.name, await subject.run(metric, ms))
  }
  return round
}
