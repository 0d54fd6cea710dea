import type { Pool } from 'pg'
import type { Db, Invariant } from '../core/index.js'

/** What a side of an experiment works with: the same empty tables, the same load, a database that only it uses. */
export interface Stage {
  /** Bare node-postgres, for the code people write without us. */
  pool: Pool
  db: Db
  /** The same database for a pool of one's own; it holds the password. */
  url: string
  /** Uniform in [0, 1), the same sequence for every side. */
  random: () => number
  signal: AbortSignal
}

export type Figures = Record<string, number>

export interface Side {
  /** `naive`, the name of a usual alternative, or `protected`. */
  name: string
  /** One sentence: what this code does. */
  what: string
  /** Whether what it needs, besides PostgreSQL or of this server, is there. Where it is not, the side is left out of the run. */
  canRun?(url: string): Promise<boolean>
  run(stage: Stage): Promise<Figures>
}

export interface Experiment {
  name: string
  /** The failure as its victims tell it, one or two sentences. */
  story: string
  /** Where each side works; a `database` holds the schema holdfast already, for experiments with its tables. Default: `schema`. */
  scratch?: 'schema' | 'database'
  /** DDL and first rows, run before each side. */
  setup: string
  invariants: readonly Invariant[]
  sides: readonly Side[]
  /** One sentence from the figures of all sides that ran. */
  conclude(figures: ReadonlyMap<string, Figures>): string
}

export interface InvariantResult {
  name: string
  held: boolean
  detail: string
}

export interface SideResult {
  name: string
  what: string
  figures: Figures
  invariants: InvariantResult[]
}

export interface Machine {
  cpus: number
  cpu: string
  memoryGb: number
  platform: string
}

/** What `holdfast prove <experiment> --json` prints. */
export interface ProveDocument {
  experiment: string
  story: string
  seed: number
  machine: Machine
  versions: Record<string, string>
  sides: SideResult[]
  verdict: string
  /** False when the protected side broke an invariant, or when the naive side broke none. */
  proven: boolean
}
