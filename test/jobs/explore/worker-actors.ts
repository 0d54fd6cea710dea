import type { Client } from 'pg'
import { parseClaim, type ClaimedJob } from '../../../src/jobs/claimed-job.js'
import type { LaneMarks } from '../../../src/jobs/lane-marks.js'
import { Ledger } from '../../../src/jobs/ledger.js'
import * as store from '../../../src/jobs/store.js'
import { Actor, type History, type Names } from './actor.js'
import { readPrivateFields } from './private-fields.js'

export type JobEnd = 'complete' | 'work in a transaction' | 'die' | 'retry' | 'hand back'

export interface WorkerSpec {
  name: string
  claims: number
  size?: number
  /** What may become of a job. Default: it is completed. */
  ends?: JobEnd[]
  /** The commit of a claim, of an end, is a step of its own. */
  opensClaims?: boolean
  opensEnds?: boolean
  /** Takes the claim's transaction id in a step before it looks, as a claim does between its statements. */
  beginsEarly?: boolean
}

/** A worker as its parts see it: the pump claims, the hands write what became of the jobs, each on its connection. */
export class WorkerState {
  readonly spec: WorkerSpec
  readonly id: string
  readonly lane: number
  readonly marks: LaneMarks
  readonly history: History
  held: ClaimedJob[] = []
  /** It knows that it was declared gone. */
  isGone = false
  /** The server has lost what it remembers, and it does not know yet. */
  isStale = false
  /** Moves only when the worker decides to look from its safe mark on. */
  clock = 0

  constructor(spec: WorkerSpec, id: string, lane: number, marks: LaneMarks, history: History) {
    this.spec = spec
    this.id = id
    this.lane = lane
    this.marks = marks
    this.history = history
  }

  lose(): void {
    this.isGone = true
    this.held = []
  }

  describe(names: Names): unknown {
    const held = this.held.map(({ id, cid, body }) => [body, names.row(id), names.claim(cid)])
    return [this.isGone, this.isStale, held, this.isGone ? [] : describeMarks(this.marks, names)]
  }
}

/** More than the rescan's interval. */
export const RESCAN_STEP_MS = 1_000

/** When to look, and at what cost: time is a step of its own here. */
const timing = new Set(['lane', '#lookedAt', '#fullAt', '#restMs', '#usualMs', '#isLook', '#known'])

function describeMarks(marks: LaneMarks, names: Names): unknown {
  const fields = { ...readPrivateFields(marks), ...marks } as Record<string, unknown>
  return Object.entries(fields).map(([name, value]) => {
    if (timing.has(name)) return ''
    if (typeof value !== 'number' && name !== '#pending') return [name, value]
    if (name === 'opened') return names.claimsBelow(value as number)
    if (name === '#seen') return names.rowsBelow((value as number) + 1)
    if (name === '#safe' || name === '#head' || name === 'head') return names.rowsBelow(value as number)
    if (name !== '#pending') throw new Error(`LaneMarks remembers ${name}: say in explore/ what of it is state.`)
    const pending = value as { last: number; xid: bigint } | undefined
    return pending && [names.rowsBelow(pending.last + 1), names.openBefore(pending.xid)]
  })
}

/** Claims, as JobWorker does: claim, take, note, and with a new safe mark in reach look for it. */
export class Pump extends Actor {
  readonly #worker: WorkerState
  /** The oldest transaction that runs in this database: those of others on the server are not part of the model. */
  readonly #findXmin: () => Promise<bigint | undefined>
  #claims: number
  #phase: 'idle' | 'begun' | 'claimed' | 'marking' = 'idle'
  #row: store.ClaimRow | undefined
  #last = 0
  #wasFull = false
  #from = 0

  constructor(client: Client, worker: WorkerState, findXmin: () => Promise<bigint | undefined>) {
    super(`${worker.spec.name} pump`, client)
    this.#worker = worker
    this.#findXmin = findXmin
    this.#claims = worker.spec.claims
  }

  get #size(): number {
    return this.#worker.spec.size ?? 1
  }

  actions(): string[] {
    if (this.#worker.isGone || this.#worker.isStale) return []
    if (this.#phase === 'begun') return ['look']
    if (this.#phase === 'claimed') return ['commit the claim']
    if (this.#phase === 'marking') return ['find the mark']
    if (this.#claims === 0) return []
    return this.#wasFull ? ['claim', 'claim after the interval'] : ['claim']
  }

  async run(action: string): Promise<void> {
    if (action === 'find the mark') await this.#findMark()
    else if (action === 'commit the claim') await this.#commit()
    else if (action === 'look') await this.#look()
    else await this.#start(action === 'claim after the interval')
  }

  async #start(isLate: boolean): Promise<void> {
    const worker = this.#worker
    this.#claims--
    if (isLate) worker.clock += RESCAN_STEP_MS
    this.#from = worker.marks.choose(worker.clock)
    if (worker.spec.beginsEarly) {
      await this.begin()
      await this.client.query('select pg_current_xact_id()')
      this.#phase = 'begun'
    } else await this.#look()
  }

  async #look(): Promise<void> {
    const { id, lane, marks, spec } = this.#worker
    const xmin = await this.#findXmin()
    if (spec.opensClaims && !this.isOpen) await this.begin()
    try {
      const [row] = await store.claim(this.db, id, [lane], [this.#from], [marks.opened], this.#size)
      this.#row = row && { ...row, xmin: String(maxOf(BigInt(row.xmin), xmin)) }
    } catch (error) {
      await this.#survive(error)
      return
    }
    if (!this.isOpen || this.#row === undefined || this.#row.amount === 0) await this.#commit()
    else this.#phase = 'claimed'
  }

  async #survive(error: unknown): Promise<void> {
    if (this.isOpen) await this.end('rollback')
    this.#phase = 'idle'
    if ((error as { code?: string }).code !== 'HF001') throw error
    this.#worker.lose()
  }

  async #commit(): Promise<void> {
    if (this.isOpen) await this.end('commit')
    const row = this.#row
    this.#row = undefined
    this.#phase = 'idle'
    // Another worker is claiming from the lane.
    if (row === undefined) return
    this.#wasFull = row.amount >= this.#size
    this.#take(row)
    const last = this.#worker.marks.note(row, this.#wasFull)
    if (last === undefined) return
    this.#last = last
    this.#phase = 'marking'
  }

  #take(row: store.ClaimRow): void {
    const { history, held, spec } = this.#worker
    const jobs = parseClaim(row)
    for (const { body } of jobs) {
      if (history.sent.get(body) !== 'committed') history.break(`${spec.name} runs ${body}, which is not committed`)
    }
    held.push(...jobs)
  }

  async #findMark(): Promise<void> {
    const { lane, marks } = this.#worker
    marks.raise(await store.findMark(this.db, lane, marks.safe, this.#last, marks.opened))
    this.#phase = 'idle'
  }

  describe(names: Names): unknown {
    const row = this.#row && parseClaim(this.#row).map(({ id, cid }) => [names.row(id), names.claim(cid)])
    const last = this.#phase === 'marking' ? names.rowsBelow(this.#last + 1) : 0
    const from = this.#phase === 'begun' ? names.rowsBelow(this.#from) : 0
    return [this.#claims, this.#phase, row, last, from, this.#wasFull]
  }
}

/** No transaction of this database runs: every one that is older than the next has ended. */
const NONE_RUNS = 2n ** 63n - 1n

/** What others on the server do holds the real one down; never lower than what this database accounts for, never lowered. */
function maxOf(real: bigint, ours: bigint | undefined): bigint {
  const own = ours ?? NONE_RUNS
  return real > own ? real : own
}

/** Ends the jobs that the worker holds, through the real ledger. */
export class Hands extends Actor {
  readonly #worker: WorkerState
  readonly #ledger: Ledger
  readonly #opened = new Map<number, number>()
  #handBacks = 1
  /** Its own transaction has ended it; the ledger has not heard of that yet. */
  #closing: ClaimedJob | undefined
  #ending: { job: ClaimedJob; action: JobEnd; isOurs: boolean } | undefined

  constructor(client: Client, worker: WorkerState) {
    super(`${worker.spec.name} hands`, client)
    this.#worker = worker
    this.#ledger = new Ledger(
      this.db,
      worker.id,
      (error) => worker.history.break(`The ledger of ${worker.spec.name} was refused: ${String(error)}`),
      () => {},
    )
  }

  actions(): string[] {
    if (this.#ending) return [`commit the end of ${this.#ending.job.body}`]
    if (this.#closing) return [`close the claim of ${this.#closing.body}`]
    const job = this.#worker.held[0]
    if (job === undefined) return []
    const ends = this.#worker.spec.ends ?? ['complete']
    return ends.filter((end) => end !== 'hand back' || this.#handBacks > 0).map((end) => `${end} ${job.body}`)
  }

  async run(action: string): Promise<void> {
    if (this.#ending) await this.#commit()
    else if (this.#closing) await this.#close(this.#closing)
    else await this.#start(action.slice(0, action.lastIndexOf(' ')) as JobEnd)
  }

  async #start(action: JobEnd): Promise<void> {
    const job = this.#worker.held.shift() as ClaimedJob
    this.#note(job)
    const isTx = action === 'work in a transaction'
    if (isTx || this.#worker.spec.opensEnds) await this.begin()
    const isOurs = isTx ? await this.#work(job) : await this.#write(job, action)
    this.#ending = { job, action, isOurs }
    if (!this.isOpen || !isOurs) await this.#commit()
  }

  /** A claim's jobs are all taken before any of them ends. */
  #note({ cid }: ClaimedJob): void {
    if (this.#opened.has(cid)) return
    const amount = 1 + this.#worker.held.filter((other) => other.cid === cid).length
    this.#opened.set(cid, amount)
    this.#ledger.open(cid, amount)
  }

  async #write(job: ClaimedJob, action: JobEnd): Promise<boolean> {
    const before = this.#ledger.lost
    if (action === 'complete') this.#ledger.finish(job)
    else if (action === 'hand back') {
      this.#handBacks--
      this.#ledger.giveBack(job)
    } else this.#ledger.fail(job, action === 'die' ? null : new Date(0), { name: action })
    await this.#ledger.flush()
    return this.#ledger.lost === before
  }

  /** The handler's own write, and at the end of its transaction the question whether the job is still this worker's. */
  async #work(job: ClaimedJob): Promise<boolean> {
    const { id, lane } = this.#worker
    await this.client.query('insert into public.effects (body) values ($1)', [job.body])
    try {
      const { text, params } = store.finishStatement(id, lane, [job.id], [job.cid])
      await this.db.query(text, params)
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== 'HF002') throw error
      return false
    }
  }

  async #commit(): Promise<void> {
    const { job, action, isOurs } = this.#ending as { job: ClaimedJob; action: JobEnd; isOurs: boolean }
    const isTx = action === 'work in a transaction'
    if (this.isOpen) await this.end(isOurs || !isTx ? 'commit' : 'rollback')
    if (isOurs && (action === 'complete' || isTx)) this.#worker.history.complete(job.body)
    this.#ending = undefined
    if (isTx) this.#closing = job
  }

  async #close(job: ClaimedJob): Promise<void> {
    this.#closing = undefined
    this.#ledger.close(job)
    await this.#ledger.flush()
  }

  describe(names: Names): unknown {
    const ending = this.#ending && [this.#ending.job.body, this.#ending.action, this.#ending.isOurs]
    const begun = [...this.#opened.keys()].map((cid) => names.claim(cid))
    return [
      ending,
      this.#closing?.body,
      this.#handBacks,
      this.#worker.spec.name,
      begun,
      this.#worker.held.map(({ cid }) => this.#opened.has(cid)),
    ]
  }
}
