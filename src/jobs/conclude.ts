import type { Db } from '../core/index.js'
import { conclude, type Conclusion } from './results-store.js'

/** Results of one statement: many small ones, or a few large ones. */
const MOST_PER_STATEMENT = 250
const MOST_CHARS_PER_STATEMENT = 2_000_000

/**
 * Ends runs that leave something, so many in a statement; gives how many were no longer the worker's. What is written
 * leaves the list, so that the rest can be tried again. `ended`: claims with nothing left, closed by the last statement.
 */
export async function concludeAll(
  db: Db,
  worker: string,
  lane: number,
  all: Conclusion[],
  ended: readonly number[],
): Promise<number> {
  let lost = 0
  while (all.length > 0) {
    const part = takePart(all)
    lost += part.length - (await conclude(db, worker, lane, part, part.length === all.length ? ended : []))
    all.splice(0, part.length)
  }
  return lost
}

/** The first ones, of one outcome. */
function takePart(all: readonly Conclusion[]): Conclusion[] {
  const outcome = all[0]?.outcome
  let [amount, chars] = [0, 0]
  while (amount < Math.min(all.length, MOST_PER_STATEMENT) && chars < MOST_CHARS_PER_STATEMENT) {
    const next = all[amount] as Conclusion
    if (next.outcome !== outcome) break
    chars += next.result?.length ?? 0
    amount++
  }
  return all.slice(0, amount)
}
