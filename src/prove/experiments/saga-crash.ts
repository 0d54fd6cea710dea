import { killAll, startPrograms, type Program } from '../program.js'
import { waitUntilQuiet } from '../quiet.js'
import { runRush } from '../rush.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const ORDERS = 200
const PER_SECOND = 100
/** What the carrier takes. */
const SHIP_MS = 20
/** Of a process that runs sagas; the default is 15 s. */
const LEASE_MS = 2_000
/** Everything has come to its end so long after the kill. */
const BOUND_MS = 15_000
/** Of the orders so many are in the middle of each step when their process is killed. */
const HELD_SHARE = { reserve: 0.025, ship: 0.2, book: 0.025 }
/** Of the orders so many have begun there before that. */
const BEFORE_SHARE = 0.1

type Step = 'reserve' | 'ship' | 'book'

const steps: readonly Step[] = ['reserve', 'ship', 'book']

interface Asked {
  order: number
  key?: string
}

/** Holds orders of one instance up in the middle of their steps, and kills it when there are enough. */
class Crash {
  readonly #orders: number
  readonly #held = new Map<Step, Set<number>>(steps.map((step) => [step, new Set()]))
  /** Parcels by key, or by call where none was given. */
  readonly #parcels = new Map<string, number>()
  readonly #missing = new Set<number>()
  #first: Program | undefined
  #begun = 0
  #killedAt: number | undefined
  calls = 0
  moves = 0
  /** From the kill until the last order that it had in its hands went on elsewhere. */
  takenOverMs: number | undefined

  constructor(orders: number) {
    this.#orders = orders
  }

  watch(first: Program | undefined): void {
    this.#first = first
  }

  get kills(): number {
    return this.#killedAt === undefined ? 0 : 1
  }

  get sinceKillMs(): number {
    return Math.round(performance.now() - (this.#killedAt ?? 0))
  }

  get heldUp(): number {
    return [...this.#held.values()].reduce((sum, { size }) => sum + size, 0)
  }

  listParcels(): number[] {
    return [...this.#parcels.values()]
  }

  async follow(step: Step, { order, key }: Asked, instance: Program): Promise<void> {
    if (!instance.isAlive) return
    this.moves++
    if (step === 'ship') this.#parcels.set(key ?? `call ${this.calls++}`, order)
    if (step === 'ship' && key !== undefined) this.calls++
    if (instance === this.#first) return await this.#followFirst(step, order, instance)
    this.#noteTakenOver(order)
    if (step === 'ship') await new Promise((resolve) => setTimeout(resolve, SHIP_MS))
  }

  async #followFirst(step: Step, order: number, instance: Program): Promise<void> {
    if (step === 'reserve') this.#begun++
    const held = this.#held.get(step) as Set<number>
    if (this.#begun > this.#orders * BEFORE_SHARE && held.size < this.#orders * HELD_SHARE[step]) {
      held.add(order)
      if (steps.every((each) => (this.#held.get(each)?.size ?? 0) >= this.#orders * HELD_SHARE[each]))
        return await this.#kill(instance)
      return await new Promise(() => {})
    }
    if (step === 'ship') await new Promise((resolve) => setTimeout(resolve, SHIP_MS))
  }

  async #kill(instance: Program): Promise<void> {
    this.#killedAt = performance.now()
    for (const held of this.#held.values()) for (const order of held) this.#missing.add(order)
    await instance.kill()
  }

  #noteTakenOver(order: number): void {
    if (this.#killedAt === undefined) for (const held of this.#held.values()) held.delete(order)
    if (this.#missing.delete(order) && this.#missing.size === 0) this.takenOverMs = this.sinceKillMs
  }
}

/** Orders at two instances, one of which is killed in the middle; then until all have ended, or until nothing moves any more. */
async function takeOrders(stage: Stage, side: string, orders: number): Promise<Figures> {
  const crash = new Crash(orders)
  const accepted: number[] = []
  const instances = await startPrograms(2, {
    name: 'delivery-server',
    options: { url: stage.url, side, leaseMs: LEASE_MS },
    onCall: async (step, asked, instance) => await crash.follow(step as Step, asked as unknown as Asked, instance),
  })
  crash.watch(instances[0])
  try {
    await runRush({ ...stage, arrivals: orders, perSecond: PER_SECOND }, async (order) => {
      const alive = instances.filter(({ isAlive }) => isAlive)
      await alive[order % alive.length]?.call('accept', order)
      accepted.push(order)
    })
    let endedMs: number | undefined
    const isDone = async () => {
      if ((await countOpen(stage, accepted)) > 0) return false
      endedMs = crash.sinceKillMs
      return true
    }
    await waitUntilQuiet({ isDone, countMoves: () => crash.moves, signal: stage.signal })
    await writeDown(stage, { accepted, parcels: crash.listParcels(), endedMs })
    const times: Figures = {}
    if (crash.takenOverMs !== undefined) times['taken_over_ms'] = crash.takenOverMs
    if (endedMs !== undefined) times['ended_ms'] = endedMs
    return {
      accepted: accepted.length,
      kills: crash.kills,
      held_up: crash.heldUp,
      ...(await countOutcome(stage)),
      calls: crash.calls,
      ...times,
    }
  } finally {
    await killAll(instances)
  }
}

async function countOpen({ db }: Stage, accepted: readonly number[]): Promise<number> {
  const [row] = await db.sql<{ open: number }>`
    select (select count(*) from unnest(${accepted}::int[]) a (id)
             where not exists (select from effect e where e.order_id = a.id and e.step = 'book'))::int
         + (select count(*) from orders where status = 'running')::int
         + (select count(*) from holdfast.sagas_instances where finished_at is null)::int as open`
  return row?.open ?? 0
}

interface Written {
  accepted: readonly number[]
  parcels: readonly number[]
  endedMs: number | undefined
}

async function writeDown({ db }: Stage, { accepted, parcels, endedMs }: Written): Promise<void> {
  await db.sql`insert into accepted select unnest(${accepted}::int[])`
  await db.sql`insert into effect select parcel, 'ship' from unnest(${parcels}::int[]) parcel`
  await db.sql`insert into ended values (${endedMs ?? null})`
}

const halfDone = `
  select order_id, ${steps.length} - count(distinct step) as missing
    from (select order_id, step from effect union all select order_id, null from accepted) e
   group by order_id having count(distinct step) < ${steps.length}`

const twice = 'select order_id, step, count(*) as times from effect group by order_id, step having count(*) > 1'

async function countOutcome({ db }: Stage): Promise<Figures> {
  const { rows } = await db.query<Figures>(`
    select (select count(*)::int from (${twice}) t where step <> 'ship') as sql_twice,
           (select count(*)::int from (${twice}) t where step = 'ship') as parcels_twice,
           (select count(*)::int from (${halfDone}) h) as half_done`)
  return { ...rows[0] }
}

const describeSides = (orders: number): Side[] =>
  [
    {
      name: 'naive',
      what: 'three awaits and a status; a cron runs again what has not been done for two seconds',
    },
    {
      name: 'step column',
      what: 'which step is next stands in the row and is changed with the SQL of each; the cron goes on from there',
    },
    { name: 'protected', what: 'defineSaga: s.tx, s.call, s.tx' },
  ].map(({ name, what }) => ({ name, what, run: async (stage) => await takeOrders(stage, name, orders) }))

/** With fewer orders for tests. */
export const createSagaCrash = (orders = ORDERS): Experiment => ({
  name: 'saga-crash',
  story:
    'A process was killed in the middle of some dozens of orders. A script ran them again: some were reserved twice, and some customers got two parcels.',
  scratch: 'database',
  setup: `
    create table orders (id int primary key, status text not null default 'running', step int not null default 0,
      since timestamptz not null default clock_timestamp());
    create table effect (order_id int not null, step text not null);
    create index on effect (order_id);
    create table accepted (order_id int primary key);
    create table ended (after_ms int);`,
  invariants: [
    { name: 'no step has its effect twice', sql: twice },
    { name: 'no order is left half done', sql: halfDone },
    {
      name: `all have ended within ${BOUND_MS / 1_000} s of the kill`,
      sql: `select coalesce(after_ms::text, 'never') as after_ms from ended where after_ms is null or after_ms > ${BOUND_MS}`,
    },
  ],
  sides: describeSides(orders),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    const over = (side: string) => `${read(side, 'taken_over_ms')} ms`
    return (
      `Killed with ${read('protected', 'held_up')} orders in the middle of a step: naive wrote ${read('naive', 'sql_twice')} steps ` +
      `twice and sent ${read('naive', 'parcels_twice')} second parcels; protected wrote ${read('protected', 'sql_twice')} twice, ` +
      `left ${read('protected', 'half_done')} half done, and the last of them went on in the other process after ` +
      `${over('protected')}. A step column does as well here (${over('step column')}), written by hand for each kind of order, ` +
      `and without undoing.`
    )
  },
})

export const sagaCrash = createSagaCrash()
