import type pg from 'pg'
import type { Db, Tx } from '../../../src/core/index.js'
import { isUndone } from '../../../src/sagas/store.js'
import * as store from '../../../src/sagas/store.js'
import type { Doing, Loaded, StepRecord, UndoRecord, Write } from '../../../src/sagas/records.js'
import type { SagaState } from '../../../src/sagas/types.js'
import type { Explorable } from '../../jobs/explore/explorer.js'

// One saga, two processes and what may happen to them. A process does what `run.ts` does, a statement at a time: it claims,
// writes that a call begins, calls, writes what came of it, runs a tx step and its record in one transaction, undoes. All that
// it asks of the database goes through the real store.

/** What the saga does: `tx` commits with its record, `call` is heard outside at once. */
interface Step {
  name: string
  kind: 'tx' | 'call'
}

export interface Scenario {
  name: string
  steps: readonly Step[]
  /** The saga fails when these steps are done. */
  fails: boolean
  /** So often each process may lose its lease. */
  lapses: number
  cancels: boolean
  /** A tx step's SQL is committed before its record is written. */
  isApart?: boolean
}

/** What a process believes. */
interface Belief {
  fence: number
  isUndoing: boolean
  ended: Map<number, { outcome: string; undo: string | null }>
  doing: Doing[]
  /** What was committed, or called, and is to be written. */
  open?: { seq: number; what: 'do' | 'undo' }
  hasCommitted?: boolean
  /** Its last write said so. */
  isCancelled?: boolean
  /** It lost its lease, and does not know. */
  isGone?: boolean
}

interface Process {
  name: string
  owner: string | undefined
  belief: Belief | undefined
  lapsesLeft: number
}

interface Seen {
  due: boolean
  ended: boolean
  saga: unknown
  steps: unknown
  live: string[]
  effects: { seq: number; what: string; n: number }[]
}

const ID = 'explored'

export class World implements Explorable {
  readonly #scenario: Scenario
  readonly #db: Db
  readonly #admin: pg.Client
  readonly #kind: number
  #processes: Process[] = []
  #hasCancelled = false
  #calls: string[] = []

  constructor(scenario: Scenario, db: Db, admin: pg.Client, kind: number) {
    this.#scenario = scenario
    this.#db = db
    this.#admin = admin
    this.#kind = kind
  }

  async reset(): Promise<void> {
    await this.#admin
      .query(`delete from holdfast.sagas_instances; delete from holdfast.sagas_steps; delete from holdfast.sagas_workers;
      delete from holdfast.sagas_actions; delete from explored_effects`)
    this.#hasCancelled = false
    this.#calls = []
    const record = { id: ID, kind: this.#kind, token: '1', doing: [], input: undefined, timeoutMs: 600_000 }
    await store.start(this.#db, null, [record])
    this.#processes = []
    for (const name of ['A', 'B']) {
      const { owner } = await store.join(this.#db, name, 600_000, [this.#kind])
      this.#processes.push({ name, owner, belief: undefined, lapsesLeft: this.#scenario.lapses })
    }
  }

  actions(): string[] {
    const actions: string[] = []
    for (const process of this.#processes) {
      const { name, belief, owner, lapsesLeft } = process
      if (belief === undefined && owner !== undefined && this.#isDue) actions.push(`${name} claims`)
      if (belief !== undefined) actions.push(`${name} ${this.#next(belief)}`)
      if (belief !== undefined && owner !== undefined && lapsesLeft > 0 && this.#isLive(owner))
        actions.push(`${name} lapses`)
    }
    if (this.#scenario.cancels && !this.#hasCancelled && !this.#hasEnded) actions.push('somebody cancels')
    return actions
  }

  // Looked up once for each state: actions() itself cannot ask.
  #isDue = true
  #hasEnded = false
  #live = new Set<string>()
  #isLive = (owner: string): boolean => this.#live.has(owner)

  #next({ isUndoing, open, ended, doing, hasCommitted }: Belief): string {
    const { steps, fails } = this.#scenario
    if (open) {
      if (this.#kindOf(open.seq) === 'tx')
        return hasCommitted ? `records ${open.what} ${open.seq}` : `commits ${open.what} ${open.seq}`
      return `writes ${open.what} ${open.seq}`
    }
    if (isUndoing) {
      const last = this.#toUndo(ended)
      return last === undefined ? 'ends compensated' : `undoes ${last}`
    }
    const seq = ended.size + 1
    if (seq > steps.length) return fails ? 'begins to undo' : 'ends done'
    if (this.#kindOf(seq) === 'call' && !doing.some((each) => each.seq === seq)) return `announces ${seq}`
    return `does ${seq}`
  }

  #kindOf(seq: number): 'tx' | 'call' {
    return (this.#scenario.steps[seq - 1] as Step).kind
  }

  #toUndo(ended: Belief['ended']): number | undefined {
    return [...ended.entries()]
      .filter(([, { undo }]) => undo === null)
      .map(([seq]) => seq)
      .toSorted((a, b) => b - a)[0]
  }

  async apply(action: string): Promise<void> {
    if (action === 'somebody cancels') {
      this.#hasCancelled = true
      await store.cancel(this.#db, ID, undefined, undefined)
    } else {
      const process = this.#processes.find(({ name }) => action.startsWith(`${name} `)) as Process
      const [what = '', ...rest] = action.slice(2).split(' ')
      await this.#act(process, what, Number(rest.at(-1)))
      if (process.belief?.isCancelled) await this.#beginUndoing(process, process.belief)
    }
  }

  async #see(): Promise<Seen> {
    const { rows } = await this.#admin.query<{ seen: Seen }>(`select json_build_object(
      'due', (select owner is null and wake_at is not null from holdfast.sagas_instances),
      'ended', (select finished_at is not null from holdfast.sagas_instances),
      'saga', (select json_build_array(state, is_undoing, is_cancelled, fence, doing, owner is null, crashes > 0) from holdfast.sagas_instances),
      'steps', (select json_agg(json_build_array(seq, outcome, undo) order by seq) from holdfast.sagas_steps),
      'live', (select coalesce(json_agg(id::text), '[]') from holdfast.sagas_workers),
      'effects', (select coalesce(json_agg(e order by seq, what), '[]') from (
        select seq, what, count(*)::int as n from explored_effects group by 1, 2) e)) as seen`)
    const [{ seen }] = rows as [{ seen: Seen }]
    this.#isDue = seen.due
    this.#hasEnded = seen.ended
    this.#live = new Set(seen.live)
    return seen
  }

  async #act(process: Process, what: string, seq: number): Promise<void> {
    const { belief } = process
    if (what === 'claims') return await this.#claim(process)
    if (what === 'lapses') return await this.#lapse(process)
    if (belief === undefined) return
    if (what === 'announces') return await this.#announce(process, belief, seq)
    if (what === 'does' || what === 'undoes') return await this.#begin(belief, seq, what === 'does' ? 'do' : 'undo')
    if (what === 'commits') return await this.#commit(process, belief)
    if (what === 'writes' || what === 'records') return await this.#write(process, belief)
    if (what === 'begins') return await this.#beginUndoing(process, belief)
    await this.#end(process, belief, seq)
  }

  async #claim(process: Process): Promise<void> {
    const [loaded] = await store.claim(this.#db, process.owner as string, [this.#kind], 1)
    if (loaded === undefined) return
    process.belief = believe(loaded)
    if (loaded.is_cancelled && !loaded.is_undoing) await this.#beginUndoing(process, process.belief)
  }

  /** It was not heard of for its lease, and does not know that. */
  async #lapse(process: Process): Promise<void> {
    process.lapsesLeft--
    await this.#admin.query(`update holdfast.sagas_workers set seen_at = now() - interval '1 day' where id = $1`, [
      process.owner,
    ])
    await store.handOn(this.#db)
    const { owner } = await store.join(this.#db, process.name, 600_000, [this.#kind])
    process.owner = owner
    // It goes on in its old name until a write tells.
    if (process.belief) process.belief.isGone = true
  }

  async #announce(process: Process, belief: Belief, seq: number): Promise<void> {
    belief.doing = [{ seq, name: `s${seq}`, kind: 'call', at: 0 }]
    await this.#send(process, belief, {})
  }

  async #begin(belief: Belief, seq: number, what: 'do' | 'undo'): Promise<void> {
    belief.open = { seq, what }
    // Heard outside, whoever calls.
    if (this.#kindOf(seq) === 'call') this.#calls.push(`${what} ${seq}`)
  }

  async #commit(process: Process, belief: Belief): Promise<void> {
    const { seq, what } = belief.open as { seq: number; what: 'do' | 'undo' }
    const effect = async (tx: Tx) => await tx.query('insert into explored_effects values ($1, $2)', [seq, what])
    if (this.#scenario.isApart) {
      await this.#db.tx(effect)
      belief.hasCommitted = true
      return
    }
    const write = this.#describe(belief, this.#news(belief))
    try {
      await this.#db.tx(async (tx) => {
        await effect(tx)
        tx.beforeCommit(store.recordStatement(this.#ownerOf(process), write))
      })
      this.#note(belief)
    } catch {
      process.belief = undefined
    }
  }

  async #write(process: Process, belief: Belief): Promise<void> {
    const news = this.#news(belief)
    const before = belief.doing
    belief.doing = []
    if (await this.#send(process, belief, news)) this.#note(belief)
    else belief.doing = before
  }

  #news({ open }: Belief): Partial<Write> {
    const { seq, what } = open as { seq: number; what: 'do' | 'undo' }
    if (what === 'undo') return { undone: [{ seq, undo: 'done', attempts: 1, error: null } satisfies UndoRecord] }
    const step: StepRecord = {
      seq,
      name: `s${seq}`,
      kind: this.#kindOf(seq),
      ended: seq,
      outcome: 'done',
      attempts: 1,
      output: undefined,
      error: null,
      at: 0,
      till: 0,
    }
    return { steps: [step] }
  }

  #note(belief: Belief): void {
    const { seq, what } = belief.open as { seq: number; what: 'do' | 'undo' }
    if (what === 'do') belief.ended.set(seq, { outcome: 'done', undo: null })
    else (belief.ended.get(seq) as { undo: string | null }).undo = 'done'
    delete belief.open
    delete belief.hasCommitted
  }

  async #beginUndoing(process: Process, belief: Belief): Promise<void> {
    const steps = belief.doing.map(({ seq, name, kind }): StepRecord => ({
      seq,
      name,
      kind,
      ended: 0,
      outcome: 'unknown',
      attempts: 1,
      output: undefined,
      error: null,
      at: 0,
      till: 0,
    }))
    for (const { seq } of belief.doing) belief.ended.set(seq, { outcome: 'unknown', undo: null })
    belief.doing = []
    belief.isUndoing = true
    await this.#send(process, belief, { steps, error: { name: 'Error', message: 'failed' } })
  }

  async #end(process: Process, belief: Belief, _seq: number): Promise<void> {
    await this.#send(process, belief, { state: belief.isUndoing ? 'compensated' : 'done', leaves: true })
    process.belief = undefined
  }

  /** False: it is in other hands, and this process stops. */
  async #send(process: Process, belief: Belief, news: Partial<Write>): Promise<boolean> {
    const [written] = await store.write(this.#db, this.#ownerOf(process), [this.#describe(belief, news)], true)
    if (written === undefined) {
      process.belief = undefined
      return false
    }
    belief.isCancelled = written.is_cancelled && !belief.isUndoing && !news.leaves
    return true
  }

  /** Under the name in which it claimed. */
  #ownerOf(process: Process): string {
    return process.belief?.isGone ? '0' : (process.owner as string)
  }

  #describe(belief: Belief, news: Partial<Write>): Write {
    const state: SagaState = belief.isUndoing ? 'compensating' : 'running'
    return {
      id: ID,
      fence: belief.fence,
      doing: belief.doing,
      state,
      leaves: false,
      seen: 0,
      wake: null,
      isUndoing: belief.isUndoing,
      isPivoted: false,
      output: undefined,
      error: null,
      steps: [],
      undone: [],
      taken: [],
      ...news,
    }
  }

  async look(): Promise<{ text: string; broken: string[] }> {
    const { effects, saga, steps } = await this.#see()
    const processes = this.#processes.map(({ name, belief, lapsesLeft }) => {
      return { name, lapsesLeft, belief: belief && { ...belief, ended: [...belief.ended] } }
    })
    const broken = effects
      .filter(({ n }) => n > 1)
      .map(({ seq, what }) => `the SQL of ${what} ${seq} was committed twice`)
    const calls = [...new Set(this.#calls)].toSorted()
    return { text: JSON.stringify([effects, saga, steps, processes, this.#hasCancelled, calls]), broken }
  }

  /** A process that nothing happens to brings it to its end. */
  async conclude(): Promise<string[]> {
    await this.#admin.query(`update holdfast.sagas_workers set seen_at = now() - interval '1 day'`)
    await store.handOn(this.#db)
    const { owner } = await store.join(this.#db, 'C', 600_000, [this.#kind])
    const last: Process = { name: 'C', owner, belief: undefined, lapsesLeft: 0 }
    this.#processes = [last]
    await this.#see()
    for (let turns = 0; turns < 50 && !this.#hasEnded; turns++) {
      const action = this.actions().find((each) => !each.startsWith('somebody'))
      if (action === undefined) return ['nobody can bring it to its end']
      await this.apply(action)
      await this.#see()
    }
    return await this.#judge()
  }

  async #judge(): Promise<string[]> {
    const broken: string[] = []
    const { rows } = await this.#admin.query<{ state: string }>('select state from holdfast.sagas_instances')
    const state = rows[0]?.state
    if (state !== 'done' && state !== 'compensated') broken.push(`it has ended as ${state}`)
    const { rows: effects } = await this.#admin.query<{ seq: number; what: string }>(
      'select seq, what from explored_effects',
    )
    const has = (seq: number, what: string) => effects.some((each) => each.seq === seq && each.what === what)
    for (const [n, { kind }] of this.#scenario.steps.entries()) {
      const seq = n + 1
      const [hasDone, hasUndone] =
        kind === 'tx'
          ? [has(seq, 'do'), has(seq, 'undo')]
          : [this.#calls.includes(`do ${seq}`), this.#calls.includes(`undo ${seq}`)]
      if (state === 'done' && (!hasDone || hasUndone)) broken.push(`it is done, but step ${seq} is not`)
      if (state === 'compensated' && hasDone && !hasUndone)
        broken.push(`it is compensated, but step ${seq} was not undone`)
      if (kind === 'tx' && hasUndone && !hasDone) broken.push(`step ${seq} was undone and never done`)
      const undone = kind === 'tx' && hasUndone ? await isUndone(this.#db, ID, seq) : true
      if (!undone) broken.push(`the undoing of step ${seq} has no record`)
    }
    return broken
  }
}

function believe(loaded: Loaded): Belief {
  const ended = new Map((loaded.steps ?? []).map(({ seq, outcome, undo }) => [seq, { outcome, undo }]))
  return { fence: loaded.fence, isUndoing: loaded.is_undoing, ended, doing: loaded.doing }
}
