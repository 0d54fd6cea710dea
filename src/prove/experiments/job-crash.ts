import { killAll, startPrograms, type Program } from '../program.js'
import { waitUntilQuiet } from '../quiet.js'
import { runRush } from '../rush.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const ORDERS = 300
const PER_SECOND = 300
const INSTANCES = 3
/** How long each of the two halves of a job takes, besides its statement. */
const HALF_MS = 10

/** `begun`: nothing is done yet. `booked`: the points are there, and that the job is over is not yet written down. */
type Half = 'begun' | 'booked'

/**
 * Takes down the instance whose job has come so far: one before its effect, one after it. Which job that is depends on
 * how many have begun, not on its number: a chosen order might never be placed.
 */
class Crashes {
  readonly #due: { half: Half; begun: number }[]
  readonly #killedAt = new Map<number, number>()
  #begun = 0
  kills = 0
  moves = 0
  /** From the kill until another instance began the victim's job again, the longest. */
  noticedMs: number | undefined

  constructor(orders: number) {
    this.#due = [
      { half: 'begun', begun: Math.floor(orders / 4) },
      { half: 'booked', begun: Math.floor(orders / 2) },
    ]
  }

  async follow(half: string, order: number, instance: Program): Promise<void> {
    if (!instance.isAlive) return
    this.moves++
    if (half === 'begun') this.#begun++
    const killedAt = this.#killedAt.get(order)
    if (half === 'begun' && killedAt !== undefined) this.#noteAgain(order, killedAt)
    const [next] = this.#due
    if (next?.half === half && this.#begun >= next.begun) await this.#kill(order, instance)
    await new Promise((resolve) => setTimeout(resolve, HALF_MS))
  }

  async #kill(order: number, instance: Program): Promise<void> {
    this.#due.shift()
    this.kills++
    this.#killedAt.set(order, performance.now())
    await instance.kill()
  }

  #noteAgain(order: number, killedAt: number): void {
    this.#killedAt.delete(order)
    this.noticedMs = Math.max(this.noticedMs ?? 0, Math.round(performance.now() - killedAt))
  }
}

/** Orders at all instances, two of which are killed; then until every job is done, or until nothing moves any more. */
async function takeOrders(stage: Stage, side: string, orders: number): Promise<Figures> {
  const crashes = new Crashes(orders)
  const instances = await startPrograms(INSTANCES, {
    name: 'order-server',
    options: { url: stage.url, side },
    onCall: async (half, order, instance) => await crashes.follow(half, order, instance),
  })
  try {
    await runRush({ ...stage, arrivals: orders, perSecond: PER_SECOND }, async (order) => {
      const alive = instances.filter(({ isAlive }) => isAlive)
      await alive[order % alive.length]?.call('place', order)
    })
    const isDone = async () => (await countLeft(stage)) === 0
    await waitUntilQuiet({ isDone, countMoves: () => crashes.moves, signal: stage.signal })
    const noticed: Figures = crashes.noticedMs === undefined ? {} : { noticed_ms: crashes.noticedMs }
    return { ...(await countOutcome(stage)), kills: crashes.kills, ...noticed }
  } finally {
    await killAll(instances)
  }
}

async function countLeft({ db }: Stage): Promise<number> {
  const [row] = await db.sql<{ left: number }>`
    select (select count(*) from orders o where not exists (select from points p where p.order_id = o.id))::int
         + (select count(*) from job)::int + (select count(*) from holdfast.jobs_ready)::int as left`
  return row?.left ?? 0
}

async function countOutcome({ db }: Stage): Promise<Figures> {
  const [row] = await db.sql<Figures>`
    select (select count(*)::int from orders) as orders_committed,
           (select count(*)::int from orders o where not exists (select from points p where p.order_id = o.id)) as lost,
           (select count(*)::int from (select from points group by order_id having count(*) > 1) twice) as twice,
           (select count(*)::int from job where status = 'running') as stuck`
  return { ...row }
}

const describeSides = (orders: number): Side[] =>
  [
    { name: 'naive', what: 'fire and forget: the order is committed, the job runs on in memory' },
    {
      name: 'mark',
      what: `a table queue with FOR UPDATE SKIP LOCKED: the job is marked 'running', and deleted when it is done`,
    },
    { name: 'rerun', what: `the same, taken over when it has said 'running' for a second` },
    { name: 'row lock', what: 'the same, its row locked by an open transaction until it is done' },
    { name: 'protected', what: `jobs.send in the order's transaction, a handler with mode: 'transaction'` },
  ].map(({ name, what }) => ({ name, what, run: async (stage) => await takeOrders(stage, name, orders) }))

/** With fewer orders for tests. */
export const createJobCrash = (orders = ORDERS): Experiment => ({
  name: 'job-crash',
  story:
    'The instance ran out of memory and was killed. Some customers never got their points, some got them twice, and some jobs have said "running" since then.',
  scratch: 'database',
  setup: `
    create table orders (id int primary key);
    create table points (order_id int not null);
    create table job (id bigint generated always as identity primary key, order_id int not null,
      status text not null default 'ready', started_at timestamptz);`,
  invariants: [
    {
      name: 'every committed order has its points',
      sql: `select count(*) as lost from orders o
            where not exists (select from points p where p.order_id = o.id) having count(*) > 0`,
    },
    {
      name: 'no order has them twice',
      sql: `select order_id, count(*) as times from points group by order_id having count(*) > 1`,
    },
    {
      name: 'no job is left over',
      sql: `select status, count(*) as jobs from job group by status
            union all select 'in jobs_ready', count(*) from holdfast.jobs_ready having count(*) > 0
            union all select 'dead', count(*) from holdfast.jobs_dead having count(*) > 0`,
    },
  ],
  sides: describeSides(orders),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    return (
      `Two of three instances killed: naive lost ${read('naive', 'lost')} of ${read('naive', 'orders_committed')} jobs, ` +
      `mark left ${read('mark', 'stuck')} running for ever, rerun booked ${read('rerun', 'twice')} twice. Protected lost ` +
      `${read('protected', 'lost')} and booked ${read('protected', 'twice')} twice; the dead worker's jobs went on after ` +
      `${read('protected', 'noticed_ms')} ms. A row locked while the job runs does as well here, with a transaction open for each.`
    )
  },
})

export const jobCrash = createJobCrash()
