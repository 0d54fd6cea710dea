import type { Databases } from '../../harness/databases.js'
import { rateOf, type Round } from '../../harness/pairs.js'
import type { BenchDocument, ContestInput } from '../../harness/types.js'

/** Where the parts of the contest take place. */
export interface Setting {
  input: ContestInput
  databases: Databases
}

export type Part = (setting: Setting) => Promise<Pick<BenchDocument, 'rows' | 'checks'>>

export const HOLDFAST = 'holdfast'
export const AGAIN = 'holdfast again'

/** Against whichever was best in this very round: no smaller than the best one's median, so never in our favour. */
export function overBest(round: Round, others: readonly string[]): number {
  return rateOf(round, HOLDFAST) / Math.max(...others.map((name) => rateOf(round, name)))
}
