import type { Candidate } from './types.js'

/** A set of candidates, tried. */
export interface Trial {
  cost: number
  used: Candidate[]
  ms: number | undefined
}

/** Where candidates are tried before any is built. */
export interface Prover {
  by: 'hypopg' | 'sample'
  /** Those that could be put there. */
  candidates: Candidate[]
  /** Of those that could not, why. */
  rejected: string[]
  /** With these in place, and no other candidate. */
  attempt(candidates: readonly Candidate[], isRun: boolean): Promise<Trial>
  /** Of the whole index. @unit bytes */
  sizeOf(candidate: Candidate): Promise<number>
  sampledShareOf(candidate: Candidate): number | undefined
}
