import type { Db } from './types.js'

/** Something that must be true of the data at every commit. */
export interface Invariant {
  readonly name: string
  /** Gives one row for each violation, whose columns are the evidence; no row means that it holds. */
  readonly sql: string
}

export interface InvariantCheck {
  name: string
  held: boolean
  /** At most `mostRows` of them. */
  violations: Record<string, unknown>[]
  ms: number
}

/**
 * Declares an invariant once, for tests, chaos runs, experiments and the dashboard.
 *
 * @example invariant('stock is never negative', 'select id, remaining from event where remaining < 0')
 */
export function invariant(name: string, sql: string): Invariant {
  return { name, sql }
}

/**
 * Checks all of them on one snapshot, so that work in progress between two of them cannot cry wolf.
 * One that fails to run is an error, never a pass.
 */
export async function checkInvariants(
  db: Pick<Db, 'tx'>,
  invariants: readonly Invariant[],
  { mostRows = 3, signal, deadlineMs }: { mostRows?: number; signal?: AbortSignal; deadlineMs?: number } = {},
): Promise<InvariantCheck[]> {
  const options = { isolation: 'repeatable read', readOnly: true, signal, deadlineMs } as const
  return await db.tx(async (tx) => {
    const checks: InvariantCheck[] = []
    for (const { name, sql } of invariants) {
      const started = performance.now()
      const text = `/* holdfast:core.check-invariant */ select * from (${sql}) as violation limit $1`
      const { rows } = await tx.query(text, [mostRows])
      checks.push({ name, held: rows.length === 0, violations: rows, ms: performance.now() - started })
    }
    return checks
  }, options)
}

/** For tests: throws an error that names every broken invariant with its evidence. */
export async function assertInvariants(db: Pick<Db, 'tx'>, invariants: readonly Invariant[]): Promise<void> {
  const broken = (await checkInvariants(db, invariants)).filter(({ held }) => !held)
  if (broken.length === 0) return
  const lines = broken.map(({ name, violations }) => `${name}: ${JSON.stringify(violations)}`)
  throw new Error(`Broken invariants:\n${lines.join('\n')}`)
}
