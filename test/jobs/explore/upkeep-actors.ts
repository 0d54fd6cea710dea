import type { Client } from 'pg'
import * as store from '../../../src/jobs/store.js'
import { Actor, type History } from './actor.js'
import type { WorkerState } from './worker-actors.js'

/** The time in which a worker did not renew its lease has passed. */
export class Lapse extends Actor {
  readonly #worker: WorkerState
  readonly #history: History
  #left = 1

  constructor(client: Client, worker: WorkerState, history: History) {
    super(`${worker.spec.name} lease`, client)
    this.#worker = worker
    this.#history = history
  }

  actions(): string[] {
    return this.#left > 0 ? ['lapse'] : []
  }

  async run(): Promise<void> {
    this.#left--
    await lapse(this.client, this.#worker.id)
    this.#history.lapsed.add(this.#worker.id)
  }

  describe(): unknown {
    return this.#left
  }
}

export async function lapse(client: Client, worker: string): Promise<void> {
  const text = `update holdfast.jobs_workers set seen_at = now() - interval '1 hour' where id = $1`
  await client.query(text, [worker])
}

/** A worker renews its lease; it goes on when the answer is that it is known. */
export class Beat extends Actor {
  readonly #worker: WorkerState
  readonly #history: History
  #left = 1
  #isKnown = false

  constructor(client: Client, worker: WorkerState, history: History) {
    super(`${worker.spec.name} beat`, client)
    this.#worker = worker
    this.#history = history
  }

  actions(): string[] {
    if (this.isOpen) return ['commit the renewal']
    return this.#left > 0 && !this.#worker.isGone ? ['renew'] : []
  }

  async run(action: string): Promise<void> {
    if (action === 'renew') {
      this.#left--
      await this.begin()
      this.#isKnown = await store.renewWorker(this.db, this.#worker.id, false)
      return
    }
    // Before the commit: a lapse that waits for it comes after it, whichever answer arrives first.
    if (this.#isKnown) this.#history.lapsed.delete(this.#worker.id)
    await this.end('commit')
    if (!this.#isKnown) this.#worker.lose()
  }

  describe(): unknown {
    return [this.#left, this.#isKnown]
  }
}

/** What a worker does beside its jobs: hands on those of workers whose lease lapsed, promotes those that are due. */
export class Upkeep extends Actor {
  readonly #self: WorkerState
  readonly #opens: boolean
  readonly #left: Record<'reap' | 'promote', number>

  constructor(client: Client, self: WorkerState, spec: { reaps?: number; promotes?: number; opens?: boolean }) {
    super(`${self.spec.name} upkeep`, client)
    this.#self = self
    this.#opens = spec.opens ?? false
    this.#left = { reap: spec.reaps ?? 0, promote: spec.promotes ?? 0 }
  }

  actions(): string[] {
    if (this.isOpen) return ['commit']
    return (['reap', 'promote'] as const).filter((action) => this.#left[action] > 0)
  }

  async run(action: string): Promise<void> {
    if (action === 'commit') return await this.end('commit')
    this.#left[action as 'reap' | 'promote']--
    if (this.#opens) await this.begin()
    if (action === 'reap') await store.reapWorkers(this.db, this.#self.id)
    else await store.promote(this.db, '-infinity', 10)
  }

  describe(): unknown {
    return this.#left
  }
}

/**
 * The server has crashed, and with it went the newest claim of a worker: claims are committed asynchronously, and their
 * numbers are given anew. The others' connections broke and they begin anew; this worker has not noticed yet.
 */
export class Crash extends Actor {
  readonly #victim: WorkerState
  readonly #others: WorkerState[]
  readonly #canHappen: () => boolean
  #left = 1

  constructor(client: Client, victim: WorkerState, others: WorkerState[], canHappen: () => boolean) {
    super('server', client)
    this.#victim = victim
    this.#others = others
    this.#canHappen = canHappen
  }

  actions(): string[] {
    const isIdle = this.#others.every(({ held }) => held.length === 0)
    return this.#left > 0 && this.#victim.held.length > 0 && isIdle && this.#canHappen() ? ['crash'] : []
  }

  async run(): Promise<void> {
    this.#left--
    const cid = Math.max(...this.#victim.held.map(({ cid }) => cid))
    await this.client.query('delete from holdfast.jobs_claims where cid = $1', [cid])
    await this.client.query(`select setval(pg_get_serial_sequence('holdfast.jobs_claims', 'cid'), $1, false)`, [cid])
    this.#victim.isStale = true
    for (const { marks } of this.#others) marks.forget()
  }

  describe(): unknown {
    return this.#left
  }
}
