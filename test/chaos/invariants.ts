/** What `npm run chaos` prints: see docs/core.md. */
export interface ChaosDocument {
  module: string
  seed: number
  counts: Record<string, number | string>
  faults: Record<string, number>
  invariants: ChaosInvariant[]
}

export interface ChaosInvariant {
  name: string
  violations: number
}

export interface ChaosOptions {
  count: number
  seed: number
  /** Guards that are taken away before, to see that the invariants notice. Default: none. */
  without?: readonly string[]
  /** Kinds of faults. Default: all of them. */
  only?: readonly string[]
  /** Told about progress, one line at a time. */
  report: (line: string) => void
}

export function countViolations(invariants: readonly ChaosInvariant[]): number {
  return invariants.reduce((sum, { violations }) => sum + violations, 0)
}

/** Counts by name. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(name: string, by = 1): void {
    this.#counts.set(name, this.get(name) + by)
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => a.localeCompare(b)))
  }
}

/** Resolves after at least `ms`; 0 is the next turn of the loop. */
export async function wait(ms: number): Promise<void> {
  await new Promise<void>((resolve) => (ms < 1 ? setImmediate(resolve) : setTimeout(resolve, ms)))
}
