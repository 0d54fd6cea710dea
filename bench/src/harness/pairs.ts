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

/** What each turn of it did, by the turn's name. */
export type Round = ReadonlyMap<string, Stretch>

export interface Pairing {
  metric: string
  subjects: readonly SubjectStart[]
  /** Looked at after the fewest pairs: while it straddles the bound, the pairs double. */
  ratio: (round: Round) => number
  bound: Bound
  /** What a round consists of. Default: every subject does the metric once. */
  turns?: readonly Turn[]
  /** Rounds also change who follows whom: where a subject leaves the server work (WAL, dirty pages), its heir would always be the same one. */
  mixed?: boolean
  /** Default: 15, doubled up to 60; in a quick run 5. */
  fewestPairs?: number
  mostPairs?: number
  /** Default: 2 000 ms, in a quick run 400. */
  stretchMs?: number
}

/** Two turns of one subject compare two kinds of work within one process. */
export interface Turn {
  /** Under this name the round holds it. */
  name: string
  subject: string
  metric: string
}

/** Rounds in which every subject works in rotated order. */
export async function runPairs(
  pairing: Pairing,
  { quick, progress }: Pick<ContestInput, 'quick' | 'progress'>,
): Promise<{ rounds: Round[]; ratios: number[] }> {
  const { metric, ratio, bound, fewestPairs = FEWEST_PAIRS, mostPairs = MOST_PAIRS } = pairing
  const rounds: Round[] = []
  let wanted = quick ? 5 : fewestPairs
  for (;;) {
    while (rounds.length < wanted) rounds.push(...(await runGeneration(pairing, quick)))
    const ratios = rounds.map(ratio)
    const interval = bootstrapMedian(ratios)
    progress(`${metric}: ${rounds.length} pairs, ratio ${interval.map((value) => value.toFixed(3)).join(' to ')}`)
    if (quick || wanted >= mostPairs || !straddles(bound, interval)) return { rounds, ratios }
    wanted = Math.min(mostPairs, wanted * 2)
  }
}

/** A few rounds of fresh processes. */
async function runGeneration(pairing: Pairing, quick: boolean): Promise<Round[]> {
  const { metric, subjects: starts, stretchMs = quick ? 400 : STRETCH_MS } = pairing
  const turns = pairing.turns ?? starts.map(({ name }) => ({ name, subject: name, metric }))
  const subjects = new Map<string, RunningSubject>()
  const rounds: Round[] = []
  try {
    for (const start of starts) subjects.set(start.name, await start.start())
    const takeTurn = async ({ subject, metric }: Turn, ms: number) =>
      await (subjects.get(subject) as RunningSubject).run(metric, ms)
    // In turns: a pool closes what lies idle for ten seconds, and a new login would then count as work.
    for (let n = 0; n < WARM_UP_TURNS; n++)
      for (const turn of turns) await takeTurn(turn, (quick ? 500 : WARM_UP_MS) / WARM_UP_TURNS)
    while (rounds.length < ROUNDS_PER_PROCESS) {
      const round = new Map<string, Stretch>()
      for (const turn of rotate(turns, rounds.length, pairing.mixed))
        round.set(turn.name, await takeTurn(turn, stretchMs))
      rounds.push(round)
    }
    return rounds
  } finally {
    await Promise.all([...subjects.values()].map(async (subject) => await subject.close()))
  }
}

export function rateOf(round: Round, name: string): number {
  const { operations, seconds } = round.get(name) as Stretch
  return operations / seconds
}

/** Mixed: in steps of another width each time. Widths that share no factor with the amount still reach everybody. */
function rotate<T>(items: readonly T[], by: number, mixed = false): T[] {
  const amount = items.length
  const widths = items.map((_, n) => n).filter((width) => findDivisor(width, amount) === 1)
  const width = mixed ? (widths[by % widths.length] as number) : 1
  return items.map((_, index) => items[(index * width + by) % amount] as T)
}

function findDivisor(a: number, b: number): number {
  return b === 0 ? a : findDivisor(b, a % b)
}
