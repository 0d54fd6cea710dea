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
  how: 'done' | 'compensated' | 'undoing' | 'stuck'
  output: unknown
  error: SagaError | null
}

/** Undefined: it left this process and has not ended, or nothing was heard of it in time. */
type Heard = End | undefined

interface Wish {
  waitMs: number
  until: 'ended' | 'decided'
  signal: AbortSignal | undefined
}

const isEnd = (how: string): how is 'done' | 'compensated' | 'stuck' =>
  how === 'done' || how === 'compensated' || how === 'stuck'

function toEnd({ row }: Run, how: End['how']): End {
  return { how, output: decode(row.output), error: row.error }
}

/** How sagas end, for those who wait for one: told by this process where it ran here, else asked of the database. */
export class Ends {
  readonly #db: Db
  readonly #findHere: (id: string) => Run | undefined
  readonly #askers = new Map<string, Set<(heard: Heard) => void>>()

  constructor(db: Db, findHere: (id: string) => Run | undefined) {
    this.#db = db
    this.#findHere = findHere
  }

  note(run: Run, how: Leaving | 'undoing'): void {
    const end = isEnd(how) || how === 'undoing' ? toEnd(run, how) : undefined
    for (const asker of this.#askers.get(run.id) ?? []) asker(end)
  }

  async result(id: string, { waitMs, until, signal }: Wish): Promise<unknown> {
    const waitsUntil = performance.now() + waitMs
    const hear = async (ms: number) => await this.#hear(id, ms, until, signal)
    for (;;) {
      const leftMs = waitsUntil - performance.now()
      // While it runs here nobody knows better.
      const end = (this.#findHere(id) ? await hear(leftMs) : undefined) ?? (await this.#ask(id, until))
      signal?.throwIfAborted()
      if (end) return give(id, end)
      if (performance.now() >= waitsUntil)
        throw sagasError('HF_SAGAS_PENDING', `Saga ${id} has not ended after ${waitMs} ms.`)
      if (this.#findHere(id)) continue
      const heard = await hear(Math.min(waitsUntil - performance.now(), ASK_MS))
      signal?.throwIfAborted()
      if (heard) return give(id, heard)
    }
  }

  async #ask(id: string, until: Wish['until']): Promise<Heard> {
    const row = await findStatus(this.#db, id)
    if (row === undefined) throw describeMissing(id)
    const { state, is_void: isVoid, output, error } = row
    if (isEnd(state)) return { how: state, output: isVoid ? undefined : output, error }
    return state === 'compensating' && until === 'decided' ? { how: 'undoing', output: undefined, error } : undefined
  }

  async #hear(id: string, ms: number, until: Wish['until'], signal: AbortSignal | undefined): Promise<Heard> {
    const here = this.#findHere(id)
    if (until === 'decided' && here?.row.isDecided) return toEnd(here, 'undoing')
    const askers = this.#askers.get(id) ?? new Set()
    let stop = () => {}
    const heard = await new Promise<Heard>((resolve) => {
      const hear = (end: Heard) => {
        if (end?.how !== 'undoing' || until === 'decided') resolve(end)
      }
      const timer = setTimeout(() => resolve(undefined), Math.max(ms, 0))
      const abort = () => resolve(undefined)
      signal?.addEventListener('abort', abort, { once: true })
      this.#askers.set(id, askers.add(hear))
      stop = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        askers.delete(hear)
      }
    })
    stop()
    if (askers.size === 0) this.#askers.delete(id)
    return heard
  }
}

const failures = {
  stuck: ['HF_SAGAS_STUCK', 'is stuck'],
  compensated: ['HF_SAGAS_COMPENSATED', 'failed and was undone'],
  undoing: ['HF_SAGAS_UNDOING', 'failed and is being undone'],
} as const

function give(id: string, { how, output, error }: End): unknown {
  if (how === 'done') return output
  const reason = error ? `${error.name}: ${error.message}` : 'no reason is recorded'
  const [code, what] = failures[how]
  throw sagasError(code, `Saga ${id} ${what}: ${reason}`, { details: { saga: id, reason: error } })
}
