/** What every program of the jobs' chaos is started with. */
export interface ProgramOptions {
  url: string
  seed: number
  /** Producers: jobs to commit or roll back. */
  count: number
  /** Workers. */
  leaseMs: number
}

export type Kind = 'tx' | 'once' | 'batch' | 'keyed'

/** So few that jobs of one wait for each other. */
export const KEYS = 40

/**
 * A tenth each with a transaction of its own and one by one, one in fifty with a key; the rest in batches, or the inserts
 * would be what is measured.
 */
export function kindOf(n: number): Kind {
  if (n % 50 === 2) return 'keyed'
  return n % 10 === 0 ? 'tx' : n % 10 === 1 ? 'once' : 'batch'
}

export const keyOf = (n: number): string => `key:${Math.floor(n / 50) % KEYS}`
