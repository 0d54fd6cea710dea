import type { Client } from 'pg'
import { parseClaim } from '../../../src/jobs/claimed-job.js'
import { LaneMarks } from '../../../src/jobs/lane-marks.js'
import * as store from '../../../src/jobs/store.js'
import { History, prepareOn, type Actor } from './actor.js'
import type { Explorable } from './explorer.js'
import { findBroken } from './invariants.js'
import { Sender, type SenderSpec } from './senders.js'
import { Beat, Crash, Lapse, lapse, Upkeep } from './upkeep-actors.js'
import { describeView, findClaimable, makeNames, readView, type View } from './view.js'
import { Hands, Pump, RESCAN_STEP_MS, WorkerState, type WorkerSpec } from './worker-actors.js'

/** What can happen, and how often. Every order of it is explored. */
export interface Scenario {
  name: string
  /** Committed before anything else. */
  jobs?: string[]
  senders?: SenderSpec[]
  workers: WorkerSpec[]
  /** Its lease may lapse once. */
  lapses?: string
  renews?: string
  upkeep?: { of: string; reaps?: number; promotes?: number; opens?: boolean }
  /** Loses its newest claim in a crash of the server that it does not notice. */
  loses?: string
  marks?: new (lane: number) => LaneMarks
  /** What counts as broken. Default: everything. */
  only?: RegExp
}

/** The first job's id is the last but one of a slot: jobs of one claim lie on both sides of the border. */
const FIRST_ID = 65_535
const REPLAYS_TO_VACUUM = 150
/** Whether a step has ended is told by the step; how often to ask whether it waits for a lock instead. */
const LOOK_MS = 3

/** A function, so that emptying is planned once and not before each of some thousand replays. */
const prepareText = `
  set synchronous_commit = off;
  create table public.effects (body text);
  grant all on public.effects to public;
  create function public.begin_anew() returns void language plpgsql as $$
  begin
    delete from holdfast.jobs_ready; delete from holdfast.jobs_claims; delete from holdfast.jobs_later;
    delete from holdfast.jobs_dead; delete from holdfast.jobs_workers; delete from public.effects;
    perform setval('holdfast.jobs_ids', ${FIRST_ID}, false),
            setval(pg_get_serial_sequence('holdfast.jobs_claims', 'cid'), 1, false),
            setval(pg_get_serial_sequence('holdfast.jobs_workers', 'id'), 1, false);
  end $$`

export async function prepareDatabase(owner: Client): Promise<void> {
  await owner.query(prepareText)
}

export class World implements Explorable {
  readonly #scenario: Scenario
  readonly #lane: number
  /** As the owner: empties tables, looks at everything. */
  readonly #owner: Client
  readonly #connect: () => Promise<Client>
  readonly #clients: Client[] = []
  #history = new History()
  #workers: WorkerState[] = []
  #actors: Actor[] = []
  readonly #running = new Map<Actor, Promise<void>>()
  #resets = 0
  #committed: View | undefined

  constructor(scenario: Scenario, lane: number, owner: Client, connect: () => Promise<Client>) {
    this.#scenario = scenario
    this.#lane = lane
    this.#owner = owner
    this.#connect = connect
  }

  async close(): Promise<void> {
    await this.#endAll()
    await Promise.all(this.#clients.map(async (client) => await client.end()))
  }

  async reset(): Promise<void> {
    await this.#endAll()
    await this.#owner.query('select public.begin_anew()')
    if (++this.#resets % REPLAYS_TO_VACUUM === 0)
      await this.#owner.query('vacuum holdfast.jobs_ready, holdfast.jobs_claims, holdfast.jobs_workers')
    this.#history = new History()
    this.#workers = []
    for (const spec of this.#scenario.workers) this.#workers.push(await this.#addWorker(spec))
    for (const body of this.#scenario.jobs ?? []) {
      await store.sendPlain(prepareOn(this.#owner), this.#lane, body)
      this.#history.sent.set(body, 'committed')
    }
    await this.#makeActors()
  }

  async #addWorker(spec: WorkerSpec): Promise<WorkerState> {
    const id = await store.addWorker(prepareOn(this.#owner), spec.name, 60_000)
    const marks = new (this.#scenario.marks ?? LaneMarks)(this.#lane)
    return new WorkerState(spec, id, this.#lane, marks, this.#history)
  }

  async #makeActors(): Promise<void> {
    const { senders = [], lapses, renews, upkeep, loses } = this.#scenario
    const find = (name: string) => this.#workers.find(({ spec }) => spec.name === name) as WorkerState
    const makers: ((client: Client) => Actor)[] = [
      ...senders.map((spec) => (client: Client) => new Sender(client, spec, this.#lane, this.#history)),
      ...this.#workers.flatMap((worker) => [
        (client: Client) => new Pump(client, worker, async () => await this.#findXmin()),
        (client: Client) => new Hands(client, worker),
      ]),
    ]
    if (lapses !== undefined) makers.push((client) => new Lapse(client, find(lapses), this.#history))
    if (renews !== undefined) makers.push((client) => new Beat(client, find(renews), this.#history))
    if (upkeep) makers.push((client) => new Upkeep(client, find(upkeep.of), upkeep))
    while (this.#clients.length < makers.length) this.#clients.push(await this.#connect())
    this.#actors = makers.map((make, at) => make(this.#clients[at] as Client))
    if (loses !== undefined) this.#actors.push(this.#makeCrash(find(loses)))
  }

  #makeCrash(victim: WorkerState): Crash {
    const others = this.#workers.filter((worker) => worker !== victim)
    // A synchronous commit after the claim's would have made the claim durable.
    const canHappen = () =>
      this.#history.completed.size === 0 && this.#actors.every(({ isOpen, waiting }) => !isOpen && !waiting)
    return new Crash(this.#owner, victim, others, canHappen)
  }

  /** Rolls back what is open; steps that waited for it go on and are rolled back too. */
  async #endAll(): Promise<void> {
    for (let isBusy = true; isBusy;) {
      await this.#settle()
      const open = this.#actors.filter((actor) => actor.isOpen && !this.#running.has(actor))
      for (const actor of open) await actor.end('rollback')
      isBusy = open.length > 0 || this.#running.size > 0
    }
  }

  actions(): string[] {
    return this.#actors.flatMap((actor) =>
      this.#running.has(actor) ? [] : actor.actions().map((action) => `${actor.name}: ${action}`),
    )
  }

  async apply(action: string): Promise<void> {
    // Whatever a replay depends on besides its steps would make the exploration worth nothing.
    if (!this.actions().includes(action)) throw new Error(`A replay came to another state: there is no ${action}.`)
    const [name, step] = splitOnce(action, ': ')
    const actor = this.#actors.find((actor) => actor.name === name) as Actor
    this.#committed = undefined
    const done = actor.run(step).catch((error: unknown) => {
      actor.isOpen = false
      void actor.client.query('rollback')
      this.#history.break(`${action} was refused: ${String(error)}`)
    })
    this.#running.set(
      actor,
      done.finally(() => {
        this.#running.delete(actor)
        actor.waiting = undefined
      }),
    )
    await this.#settle()
    if (!this.#running.has(actor)) return
    // Its statement has its snapshot already: how it goes on depends on what was committed when it began.
    const names = makeNames([await this.#readCommitted()], new Map())
    actor.waiting = { action: step, since: JSON.stringify(describeView(await this.#readCommitted(), names)) }
  }

  /** Resolves when every step has ended or waits for the transaction of another actor. */
  async #settle(): Promise<void> {
    while (this.#running.size > 0) {
      const before = [...this.#running.keys()]
      // It can wait for nobody.
      if (this.#actors.every((actor) => !actor.isOpen || before.includes(actor)) && before.length === 1) {
        await this.#running.get(before[0] as Actor)
        return
      }
      await raceWithTimer(Promise.race(this.#running.values()), LOOK_MS)
      if (this.#running.size === before.length && (await this.#allWait(before)) && this.#running.size === before.length)
        return
    }
  }

  async #allWait(actors: readonly Actor[]): Promise<boolean> {
    const text = 'select count(*)::int as amount from unnest($1::int[]) pid where pg_blocking_pids(pid) && $2::int[]'
    const { rows } = await this.#owner.query<{ amount: number }>(text, [actors.map(pidOf), this.#clients.map(pidOf)])
    return rows[0]?.amount === actors.length
  }

  async #readXids(): Promise<Map<string, bigint>> {
    const text = `select pid, backend_xid::text as xid from pg_stat_activity where pid = any($1) and backend_xid is not null`
    const { rows } = await this.#owner.query<{ pid: number; xid: string }>(text, [this.#actors.map(pidOf)])
    return new Map(rows.map(({ pid, xid }) => [this.#nameOf(pid), BigInt(xid)]))
  }

  #nameOf(pid: number): string {
    return this.#actors.find((actor) => pidOf(actor) === pid)?.name ?? ''
  }

  async #findXmin(): Promise<bigint | undefined> {
    if (this.#actors.every((actor) => !actor.isOpen && !actor.waiting)) return undefined
    return [...(await this.#readXids()).values()].toSorted((a, b) => (a < b ? -1 : 1))[0]
  }

  async #readCommitted(): Promise<View> {
    return (this.#committed ??= await readView(this.#owner))
  }

  async look(): Promise<{ text: string; broken: string[] }> {
    const committed = await this.#readCommitted()
    const open = this.#actors.filter((actor) => actor.isOpen && !this.#running.has(actor))
    const views = await Promise.all(open.map(async ({ client }) => await readView(client)))
    const isQuiet = open.length === 0 && this.#running.size === 0
    const xids = isQuiet ? new Map<string, bigint>() : await this.#readXids()
    const names = makeNames([committed, ...views], xids)
    const text = JSON.stringify([
      [committed, ...views].map((view) => describeView(view, names)),
      this.#workers.map((worker) => worker.describe(names)),
      this.#actors.map((actor) => [actor.isOpen, actor.waiting, actor.describe(names)]),
      // Who waits longer gets the lock.
      [...this.#running.keys()].map(({ name }) => name),
      [...this.#history.sent].toSorted(),
      [...this.#history.completed].toSorted(),
      [...this.#history.lapsed],
      // One of these may become a mark's stamp: which others are older decides what the mark waits for.
      [...xids].toSorted(([, a], [, b]) => (a < b ? -1 : 1)).map(([name]) => name),
    ])
    const broken = findBroken(committed, views, this.#workers, this.#history)
    return { text, broken: broken.filter((what) => this.#scenario.only?.test(what) ?? true) }
  }

  /** Each worker finds all that is there from its own marks; and after all of them were killed, a new one runs what is left. */
  async conclude(): Promise<string[]> {
    const wrong = this.#running.size > 0 ? ['steps wait for each other'] : []
    const client = this.#clients[0] as Client
    for (const worker of this.#workers) wrong.push(...(await this.#findUnseen(client, worker)))
    const drained = await this.#drain(client)
    const left = await readView(client)
    const places = [left.ready.map(({ body }) => body), left.claims.map(({ cid }) => `claim ${cid}`), left.later].flat()
    wrong.push(...places.map((what) => `${what} is left when everybody has ended`))
    for (const [body, count] of drained) if (count !== 1) wrong.push(`job ${body} was completed ${count} times`)
    return wrong.filter((what) => this.#scenario.only?.test(what) ?? true)
  }

  async #findUnseen(client: Client, worker: WorkerState): Promise<string[]> {
    const view = await this.#readCommitted()
    if (worker.isGone || worker.isStale || !view.workers.includes(worker.id)) return []
    const from = worker.marks.choose(worker.clock + RESCAN_STEP_MS)
    await client.query('begin')
    const [row] = await store.claim(prepareOn(client), worker.id, [this.#lane], [from], [worker.marks.opened], 100)
    await client.query('rollback')
    const found = row ? parseClaim(row).map(({ body }) => body) : []
    const missed = findClaimable(view).filter(({ body }) => !found.includes(body))
    return missed.map(({ body }) => `${worker.spec.name} does not find job ${body}`)
  }

  async #drain(client: Client): Promise<Map<string, number>> {
    const db = prepareOn(client)
    const { completed, sent } = this.#history
    for (const { id } of this.#workers) await lapse(client, id)
    const last = await store.addWorker(db, 'last', 60_000)
    await store.reapWorkers(db, last)
    await store.promote(db, '-infinity', 100)
    const [row] = await store.claim(db, last, [this.#lane], [0], [0], 100)
    for (const { id, cid, body } of row ? parseClaim(row) : []) {
      const what = { lane: this.#lane, lo: [id], hi: [id], cids: [cid], ended: [], frees: false }
      completed.set(body, (completed.get(body) ?? 0) + (await store.complete(db, last, what)))
    }
    const ended = row?.cid == null ? [] : [Number(row.cid)]
    await store.complete(db, last, { lane: this.#lane, lo: [], hi: [], cids: [], ended, frees: false })
    const dead = (await readView(client)).dead
    const counts = [...sent].filter(([, fate]) => fate === 'committed')
    return new Map(
      counts.map(([body]) => [body, (completed.get(body) ?? 0) + dead.filter((one) => one === body).length]),
    )
  }
}

/** A client knows its server process; its types do not say so. */
const pidOf = (of: Actor | Client): number =>
  (('client' in of ? of.client : of) as { processID?: number }).processID as number

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by)
  return [text.slice(0, at), text.slice(at + by.length)]
}

async function raceWithTimer(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
