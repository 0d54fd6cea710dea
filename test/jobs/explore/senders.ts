import type { Client } from 'pg'
import * as store from '../../../src/jobs/store.js'
import { Actor, type History } from './actor.js'

/**
 * at once: one statement a job. open: the transaction ends in a step of its own. early: its id is taken in a step before.
 * careless: draws the job's id first and takes the transaction's afterwards, which the protocol forbids.
 */
export type SenderKind = 'at once' | 'open' | 'early' | 'careless'

export interface SenderSpec {
  /** One after the other; more than one only at once. */
  bodies: string[]
  kind: SenderKind
  ends?: ('commit' | 'rollback')[]
}

export class Sender extends Actor {
  readonly #spec: SenderSpec
  readonly #lane: number
  readonly #history: History
  #phase: 'new' | 'begun' | 'sent' | 'done' = 'new'
  #drawn = ''
  #sent = 0

  constructor(client: Client, spec: SenderSpec, lane: number, history: History) {
    super(`sender of ${spec.bodies.join()}`, client)
    this.#spec = spec
    this.#lane = lane
    this.#history = history
  }

  actions(): string[] {
    const { kind, ends = ['commit', 'rollback'] } = this.#spec
    if (this.#phase === 'new')
      return [{ early: 'begin', careless: 'draw an id', open: 'send', 'at once': 'send' }[kind]]
    if (this.#phase === 'begun') return [kind === 'careless' ? 'insert' : 'send']
    return this.#phase === 'sent' ? ends : []
  }

  async run(action: string): Promise<void> {
    if (action === 'begin') await this.#beginEarly()
    else if (action === 'send') await this.#send()
    else if (action === 'draw an id') await this.#draw()
    else if (action === 'insert') await this.#insert()
    else await this.#finish(action as 'commit' | 'rollback')
  }

  async #beginEarly(): Promise<void> {
    await this.begin()
    await this.client.query('select pg_current_xact_id()')
    this.#phase = 'begun'
  }

  async #send(): Promise<void> {
    const { kind, bodies } = this.#spec
    const body = bodies[this.#sent++] as string
    if (kind === 'open') await this.begin()
    await store.sendPlain(this.db, this.#lane, body)
    if (kind !== 'at once') this.#phase = 'sent'
    else if (this.#sent === bodies.length) this.#phase = 'done'
    this.#history.sent.set(body, kind === 'at once' ? 'committed' : 'open')
  }

  async #draw(): Promise<void> {
    const { rows } = await this.client.query<{ id: string }>(`select nextval('holdfast.jobs_ids') as id`)
    this.#drawn = (rows[0] as { id: string }).id
    this.#phase = 'begun'
  }

  async #insert(): Promise<void> {
    const text = 'insert into holdfast.jobs_ready (slot, lane, id, body) values (($2::bigint >> 16) & 7, $1, $2, $3)'
    const body = this.#spec.bodies[0] as string
    await this.client.query(text, [this.#lane, this.#drawn, body])
    this.#phase = 'done'
    this.#history.sent.set(body, 'committed')
  }

  async #finish(how: 'commit' | 'rollback'): Promise<void> {
    await this.end(how)
    this.#phase = 'done'
    this.#history.sent.set(this.#spec.bodies[0] as string, how === 'commit' ? 'committed' : 'rolled back')
  }

  describe(names: { rowsBelow(mark: number): number }): unknown {
    return [this.#phase, this.#sent, this.#drawn === '' ? '' : names.rowsBelow(Number(this.#drawn))]
  }
}
