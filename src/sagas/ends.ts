import type { Db } from '../core/index.js'
import { sagasError } from './errors.js'
import { describeMissing } from './operate.js'
import { decode } from './payload.js'
import type { Run } from './run.js'
import type { Leaving } from './run-types.js'
import { findStatus } from './store.js'
import type { SagaError } from './types.js'

const ASK_MS = 250

interface End {
  how: 'done' | 'compensated' | 'stuck'
  output: unknown
  error: SagaError | null
}

/** Undefined: it left this process and has not ended, or nothing was heard of it in time. */
type Heard = End | undefined

/** How sagas end, for those who wait for one: told by this process where it ran here, else asked of the database. */
export class Ends {
  readonly #db: Db
  readonly #isHere: (id: string) => boolean
  readonly #askers = new Map<string, Set<(heard: Heard) => void>>()

  constructor(db: Db, isHere: (id: string) => boolean) {
    this.#db = db
    this.#isHere = isHere
  }

  note({ id, row }: Run, how: Leaving): void {
    const hasEnded = how === 'done' || how === 'compensated' || how === 'stuck'
    const end = hasEnded ? { how, output: decode(row.output), error: row.error } : undefined
    for (const asker of this.#askers.get(id) ?? []) asker(end)
  }

  async result(id: string, waitMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    const until = performance.now() + waitMs
    for (;;) {
      const leftMs = until - performance.now()
      // While it runs here nobody knows better.
      const end = (this.#isHere(id) ? await this.#hear(id, leftMs, signal) : undefined) ?? (await this.#ask(id))
      signal?.throwIfAborted()
      if (end) return give(id, end)
      if (performance.now() >= until)
        throw sagasError('HF_SAGAS_PENDING', `Saga ${id} has not ended after ${waitMs} ms.`)
      if (this.#isHere(id)) continue
      const heard = await this.#hear(id, Math.min(until - performance.now(), ASK_MS), signal)
      signal?.throwIfAborted()
      if (heard) return give(id, heard)
    }
  }

  async #ask(id: string): Promise<Heard> {
    const row = await findStatus(this.#db, id)
    if (row === undefined) throw describeMissing(id)
    const { state: how, is_void: isVoid, output, error } = row
    return how === 'done' || how === 'compensated' || how === 'stuck'
      ? { how, output: isVoid ? undefined : output, error }
      : undefined
  }

  async #hear(id: string, ms: number, signal: AbortSignal | undefined): Promise<Heard> {
    const askers = this.#askers.get(id) ?? new Set()
    let stop = () => {}
    const heard = await new Promise<Heard>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), Math.max(ms, 0))
      const abort = () => resolve(undefined)
      signal?.addEventListener('abort', abort, { once: true })
      this.#askers.set(id, askers.add(resolve))
      stop = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        askers.delete(resolve)
      }
    })
    stop()
    if (askers.size === 0) this.#askers.delete(id)
    return heard
  }
}

function give(id: string, { how, output, error }: End): unknown {
  if (how === 'done') return output
  const reason = error ? `${error.name}: ${error.message}` : 'no reason is recorded'
  const code = how === 'stuck' ? 'HF_SAGAS_STUCK' : 'HF_SAGAS_COMPENSATED'
  const what = how === 'stuck' ? 'is stuck' : 'failed and was undone'
  throw sagasError(code, `Saga ${id} ${what}: ${reason}`, { details: { saga: id, reason: error } })
}
