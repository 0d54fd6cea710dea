import { countPlansText } from './store.js'

/** Of a named statement's executions on a session, so many pass before it is asked again. */
const ASK_EVERY = 50
const MOST_FAILURES = 3

interface OfName {
  executions: number
  askAt: number
  generic: number
  isGeneric: boolean
}

type Ask = (client: object, text: string, values: unknown[]) => Promise<{ rows: unknown[] }>

/**
 * Which named statements a session runs with a generic plan. EXPLAIN with the same values, on any other connection, would
 * say that all is well: only the session itself knows. It is asked when it has just been given back to its pool, outside of
 * any transaction.
 */
export class GenericPlans {
  readonly #sessions = new WeakMap<object, Map<string, OfName>>()
  readonly #due = new WeakMap<object, Set<string>>()
  readonly #ask: Ask
  #failures = 0

  constructor(ask: Ask) {
    this.#ask = ask
  }

  /** True: with a generic plan, as far as is known. `isSlow`: ask sooner. */
  note(client: object, name: string, isSlow: boolean): boolean {
    const names = this.#sessions.get(client) ?? new Map<string, OfName>()
    this.#sessions.set(client, names)
    const one = names.get(name) ?? { executions: 0, askAt: 6, generic: 0, isGeneric: false }
    names.set(name, one)
    one.executions++
    const isSooner = isSlow && one.executions > 5 && one.askAt - one.executions > 5
    if (isSooner) one.askAt = one.executions
    if (one.executions >= one.askAt && this.#failures < MOST_FAILURES) {
      one.askAt = one.executions + ASK_EVERY
      const due = this.#due.get(client) ?? new Set()
      this.#due.set(client, due.add(name))
    }
    return one.isGeneric
  }

  /** The client is back in its pool, before anybody else has it. */
  onRelease(client: object): void {
    const due = this.#due.get(client)
    if (due === undefined || due.size === 0) return
    for (const name of due) void this.#look(client, name)
    due.clear()
  }

  async #look(client: object, name: string): Promise<void> {
    try {
      const { rows } = await this.#ask(client, countPlansText, [name])
      const [row] = rows as { generic: number }[]
      const one = this.#sessions.get(client)?.get(name)
      // Behind a pooler the statement may be in another session.
      if (row === undefined || one === undefined) return
      one.isGeneric = row.generic > one.generic
      one.generic = row.generic
    } catch {
      // Closed meanwhile, or in an aborted transaction: it is asked again, but not for ever.
      this.#failures++
    }
  }
}
