import type { History } from './history.js'
import type { Outcome } from './records.js'
import type { Undo } from './run-types.js'

/** What takes back the steps that a saga has come to. */
export class Undos {
  readonly #undos: Undo[] = []
  readonly #history: History

  constructor(history: History) {
    this.#history = history
  }

  add(undo: Pick<Undo, 'seq' | 'name' | 'kind' | 'act' | 'retry' | 'timeoutMs'>): void {
    const past = this.#history.get(undo.seq)
    const attempts = past?.undoAttempts ?? 0
    const isOver = past?.undo === 'done' || past?.undo === 'skipped'
    this.#undos.push({ ...undo, outcome: past?.outcome, result: undefined, attempts, isOver })
  }

  /** How the step ended that it takes back. */
  note(seq: number, outcome: Outcome, result: unknown): void {
    const undo = this.#undos.find((each) => each.seq === seq)
    if (undo) Object.assign(undo, { outcome, result })
  }

  /** What is still to be done, in its order: the last step to begin comes first. */
  get left(): Undo[] {
    return this.#undos.filter((undo) => !undo.isOver && isNeeded(undo)).toSorted((a, b) => b.seq - a.seq)
  }
}

/** A tx step that did not commit, and a call that was refused, have done nothing. */
function isNeeded({ kind, outcome }: Undo): boolean {
  if (outcome === undefined || outcome === 'refused') return false
  return kind === 'call' || outcome === 'done'
}
