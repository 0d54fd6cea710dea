import type { Schedule } from './schedules.js'
import { isInert, reads } from './statements.js'

type Name = 'A' | 'B'

/** What a side sends when it runs alone, and after the other. */
export interface Path {
  alone: readonly string[]
  after: readonly string[]
}

/**
 * Partial-order reduction: of schedules that differ by the order of statements that do nothing to each other, one is run. Each
 * is known by its normal form, in which A's statements come as early as those of B that they depend on allow (traces of
 * Mazurkiewicz; "lexicographic normal form").
 */
export class Reduction {
  readonly #paths: Readonly<Record<Name, Path>>
  readonly #seen = new Set<string>()

  constructor(paths: Readonly<Record<Name, Path>>) {
    this.#paths = paths
    // Both orders have been run.
    for (const side of ['A', 'B'] as const) this.isNew([{ side, steps: Infinity }])
  }

  isNew(schedule: Schedule): boolean {
    const form = this.#normalize(this.#expand(schedule))
    if (this.#seen.has(form)) return false
    this.#seen.add(form)
    return true
  }

  /** One letter a statement. */
  #expand(schedule: Schedule): Name[] {
    const left = { A: this.#count('A'), B: this.#count('B') }
    const order: Name[] = []
    const take = (side: Name, steps: number) => {
      for (let n = Math.min(steps, left[side]); n > 0; n--, left[side]--) order.push(side)
    }
    for (const { side, steps } of schedule) take(side, steps)
    for (const side of ['A', 'B'] as const) take(side, Infinity)
    return order
  }

  #count(side: Name): number {
    const { alone, after } = this.#paths[side]
    return Math.max(alone.length, after.length)
  }

  #normalize(order: readonly Name[]): string {
    const next = { A: 0, B: 0 }
    const waiting: number[] = []
    let form = ''
    const emitB = () => {
      waiting.shift()
      form += 'B'
    }
    for (const side of order) {
      const at = next[side]++
      if (side === 'B') {
        waiting.push(at)
        continue
      }
      // Only those up to the last one that it depends on have to come first.
      const last = waiting.findLastIndex((other) => !this.#areIndependent(at, other))
      for (let n = 0; n <= last; n++) emitB()
      form += 'A'
    }
    while (waiting.length > 0) emitB()
    return form
  }

  #areIndependent(atA: number, atB: number): boolean {
    const [a, b] = [this.#find('A', atA), this.#find('B', atB)]
    if (a === undefined || b === undefined) return false
    return isInert(a) || isInert(b) || (reads(a) && reads(b))
  }

  /** Undefined: it hangs on what the other has done which statement it is. */
  #find(side: Name, at: number): string | undefined {
    const { alone, after } = this.#paths[side]
    return alone[at] === after[at] ? alone[at] : undefined
  }
}
