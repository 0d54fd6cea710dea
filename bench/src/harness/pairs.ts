import { bootstrapMedian, straddles, type Bound } from './statistics.js'
import type { RunningSubject, SubjectStart } from './subjects.js'
import type { ContestInput, Stretch } from './types.js'

const STRETCH_MS = 2_000
/** Until V8 has compiled what it will compile; after one second a transaction still cost twice what it costs later. */
const WARM_UP_MS = 5_000
/** One process is faster than its twin by up to 5 % for as long as it lives: others take over after so many rounds. */
const ROUNDS_PER_PROCESS = 5
const WARM_UP_TURNS = 5
const FEWEST_PAIRS = 15
const MOST_PAIRS = 60

export interface Pairing {
  metric: string
  subjects: readonly SubjectStart[]
  /** Looked at after the fewest pairs: while it straddles the bound, the pairs double. */
  ratio: (round: ReadonlyMap<string, Stretch>) => number
  bound: Bound
}

/** Rounds in which every subject works in rotated order. */
export async function runPairs(
  { metric, subjects, ratio, bound }: Pairing,
  { quick, progress }: Pick<ContestInput, 'quick' | 'progress'>,
): Promise<{ rounds: ReadonlyMap<string, Stretch>[]; ratios: number[] }> {
  const rounds: ReadonlyMap<string, Stretch>[] = []
  let wanted = quick ? 5 : FEWEST_PAIRS
  for (;;) {
    while (rounds.length < wanted) rounds.push(...(await runGeneration(metric, subjects, quick)))
    const ratios = rounds.map(ratio)
    const interval = bootstrapMedian(ratios)
    progress(`${metric}: ${rounds.length} pairs, ratio ${interval.map((value) => value.toFixed(3)).join(' to ')}`)
    if (quick || wanted >= MOST_PAIRS || !straddles(bound, interval)) return { rounds, ratios }
    wanted = Math.min(MOST_PAIRS, wanted * 2)
  }
}

/** A few rounds of fresh processes. */
async function runGeneration(
  metric: string,
  starts: readonly SubjectStart[],
  quick: boolean,
): Promise<ReadonlyMap<string, Stretch>[]> {
  const subjects: RunningSubject[] = []
  const rounds: ReadonlyMap<string, Stretch>[] = []
  try {
    for (const start of starts) subjects.push(await start.start())
    // In turns: a pool closes what lies idle for ten seconds, and a new login would then count as work.
    for (let turn = 0; turn < WARM_UP_TURNS; turn++)
      for (const subject of subjects) await subject.run(metric, (quick ? 500 : WARM_UP_MS) / WARM_UP_TURNS)
    while (rounds.length < ROUNDS_PER_PROCESS)
      rounds.push(await runRound(metric, subjects, rounds.length, quick ? 400 : STRETCH_MS))
    return rounds
  } finally {
    await Promise.all(subjects.map(async (subject) => await subject.close()))
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
