import type { Prover, Trial } from './prover.js'
import type { Candidate } from './types.js'

export interface Chosen {
  candidate: Candidate
  before: Trial
  after: Trial
}

const MOST = 3
/** Less is no reason to build and keep an index. */
const LEAST_GAIN = 1.25
/** What differs by less is the same. */
const SAME = 1.05
/** Two runs of one plan differ by that. @unit ms */
const NOISE_MS = 0.15

/** Best first; each with those before it in place. The planner says which of all candidates it would use. */
export async function chooseIndexes(prover: Prover, isRun: boolean): Promise<Chosen[]> {
  const chosen: Chosen[] = []
  let before = await prover.attempt([], isRun)
  while (chosen.length < MOST) {
    const taken = chosen.map(({ candidate }) => candidate)
    const open = prover.candidates.filter((candidate) => !taken.includes(candidate))
    const all = await prover.attempt([...taken, ...open], false)
    const used = all.used.filter((candidate) => open.includes(candidate))
    if (used.length === 0) break
    const best = await findBest(prover, taken, listRivals(open, used), isRun)
    if (best && isGain(before, best.after)) {
      chosen.push({ ...best, before })
      before = best.after
      continue
    }
    // An OR reads the whole table until each of its arms has an index: none of them helps alone.
    const together = used.length > 1 && chosen.length === 0 ? await prover.attempt(used, isRun) : undefined
    if (!together || !isGain(before, together)) break
    const first = before
    return used.slice(0, MOST).map((candidate) => ({ candidate, before: first, after: together }))
  }
  return chosen
}

/** Others on the same table: the planner takes what is cheapest by a hair, and a narrower one may do as well. */
function listRivals(open: readonly Candidate[], used: readonly Candidate[]): Candidate[] {
  return open.filter((each) => used.some(({ table }) => table === each.table))
}

async function findBest(
  prover: Prover,
  taken: readonly Candidate[],
  rivals: readonly Candidate[],
  isRun: boolean,
): Promise<Omit<Chosen, 'before'> | undefined> {
  const planned: Omit<Chosen, 'before'>[] = []
  for (const candidate of rivals) {
    const after = await prover.attempt([...taken, candidate], false)
    if (after.used.includes(candidate)) planned.push({ candidate, after })
  }
  const cheapest = Math.min(...planned.map(({ after }) => after.cost))
  const near = planned.filter(({ after }) => after.cost <= cheapest * 2).toSorted((a, b) => a.after.cost - b.after.cost)
  if (!isRun) return pickSmallest(near, cheapest)
  const run: Omit<Chosen, 'before'>[] = []
  for (const { candidate } of near.slice(0, 4))
    run.push({ candidate, after: await prover.attempt([...taken, candidate], true) })
  const fastest = Math.min(...run.map(({ after }) => after.ms ?? Infinity))
  const quick = run.filter(({ after }) => (after.ms ?? Infinity) <= Math.max(fastest * SAME, fastest + NOISE_MS))
  return pickSmallest(quick, Math.min(...quick.map(({ after }) => after.cost)))
}

function pickSmallest<T extends Omit<Chosen, 'before'>>(list: readonly T[], cheapest: number): T | undefined {
  // A value with few rows, or a part of the rows, hides what sorting them costs for a frequent one: an order weighs nothing.
  const weigh = ({ keys, orders, include, where }: Candidate) =>
    keys.length - orders + include.length - (where === null ? 0 : 0.5)
  return list
    .filter(({ after }) => after.cost <= cheapest * SAME)
    .toSorted(
      (a, b) =>
        weigh(a.candidate) - weigh(b.candidate) ||
        b.candidate.orders - a.candidate.orders ||
        a.after.cost - b.after.cost,
    )[0]
}

function isGain(before: Trial, after: Trial): boolean {
  const isFaster = before.ms === undefined || after.ms === undefined || after.ms <= before.ms * 0.9 + NOISE_MS
  return before.cost >= after.cost * LEAST_GAIN && isFaster
}
