import type { Doing, RecordedStep, StepKind } from './records.js'

/**
 * What is recorded of a saga: its function is called again and told the same, in the same order, and must take the same
 * steps. That order makes branches that run beside each other come out as they did.
 */
export class History {
  readonly #recorded: ReadonlyMap<number, RecordedStep>
  readonly #begun: ReadonlyMap<number, Doing>
  readonly #untold: RecordedStep[]
  readonly lastEnded: number
  readonly #errors = new WeakMap<Error, string>()

  constructor(steps: readonly RecordedStep[], doing: readonly Doing[]) {
    this.#recorded = new Map(steps.map((step) => [step.seq, step]))
    this.#begun = new Map(doing.map((each) => [each.seq, each]))
    // Of what was under way when the saga was to be undone nobody was told anything.
    this.#untold = steps.filter(({ outcome }) => outcome !== 'unknown').toSorted((a, b) => a.ended - b.ended)
    this.lastEnded = this.#untold.at(-1)?.ended ?? 0
  }

  get(seq: number): RecordedStep | undefined {
    return this.#recorded.get(seq)
  }

  /** It has ended. */
  has(seq: number): boolean {
    return this.#recorded.has(seq)
  }

  /** What the function is to be told next. */
  get next(): RecordedStep | undefined {
    return this.#untold[0]
  }

  shift(): void {
    this.#untold.shift()
  }

  /** A step that has begun or ended, and that the function has not come to. */
  findUncalled(called: number): { seq: number; name: string } | undefined {
    for (const steps of [this.#recorded, this.#begun]) for (const [seq, step] of steps) if (seq > called) return step
    return undefined
  }

  /** What is wrong with this step being the next one; undefined: nothing. */
  judge(seq: number, kind: StepKind, name: string): string | undefined {
    const known = this.#recorded.get(seq) ?? this.#begun.get(seq)
    const now = `${kind} step "${name}"`
    if (known === undefined) return this.next === undefined ? undefined : `its function takes ${now} as step ${seq}`
    if (known.name === name && known.kind === kind) return undefined
    return `its function takes ${now} as step ${seq}, where ${known.kind} step "${known.name}" is recorded`
  }

  describe(what: string): string {
    const { next } = this
    const where = next ? `; recorded next is ${next.kind} step "${next.name}" as step ${next.seq}` : ''
    return `${what}${where}.`
  }

  noteError(error: Error, step: string): void {
    this.#errors.set(error, step)
  }

  /** The step that an error of the function came from. */
  stepOf(error: unknown): string | undefined {
    return error instanceof Error ? this.#errors.get(error) : undefined
  }
}
