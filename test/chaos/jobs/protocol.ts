/** What every program of the jobs' chaos is started with. */
export interface ProgramOptions {
  url: string
  seed: number
  /** Producers: jobs to commit or roll back. */
  count: number
  /** Workers. */
  leaseMs: number
}

export type Kind = 'tx' | 'once' | 'batch'

/** A tenth each with a transaction of its own and one by one; the rest in batches, or the inserts would be what is measured. */
export function kindOf(n: number): Kind {
  return n % 10 === 0 ? 'tx' : n % 10 === 1 ? 'once' : 'batch'
}
