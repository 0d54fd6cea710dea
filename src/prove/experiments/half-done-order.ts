import { connectTo, type Db } from '../../core/index.js'
import { PaymentService, PRICE_CENTS } from '../payment-service.js'
import { killAll, startPrograms, type Program } from '../program.js'
import { waitUntilQuiet } from '../quiet.js'
import { runRush } from '../rush.js'
import { openScratch } from '../scratch.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const ORDERS = 200
const PER_SECOND = 40
const INSTANCES = 3
const PRODUCTS = 5
const PIECES = 1_000
/** So long the shop waits for the payment service; a late answer takes longer. */
const CALL_MS = 300
/** Of a process that runs sagas; the default is 15 s. */
const LEASE_MS = 1_000
const ROLL_BACK_TRIES = 50
const AGAIN_MS = 20

/** `placed`: the order is saved and nothing is charged. `charged`: it is, and the shop has not noted it. */
type Step = 'placed' | 'charged'

/** Takes an instance down at each step: which order that is depends on how many came before, not on its number. */
class Crashes {
  readonly #due: { step: Step; placed: number }[]
  #placed = 0
  kills = 0
  moves = 0

  constructor(orders: number) {
    this.#due = [
      { step: 'placed', placed: Math.floor(orders / 8) },
      { step: 'charged', placed: Math.floor(orders / 4) },
    ]
  }

  async follow(step: Step, instance: Program): Promise<void> {
    if (!instance.isAlive) return
    this.moves++
    if (step === 'placed') this.#placed++
    const [next] = this.#due
    if (next?.step !== step || this.#placed < next.placed) return
    this.#due.shift()
    this.kills++
    await instance.kill()
  }
}

interface Request {
  order: number
  key?: string
}

/** What an instance calls: the payment service, or how far it has come. */
async function answer(crashes: Crashes, payments: PaymentService, what: string, subject: unknown, instance: Program) {
  const request = subject as Request
  if (what === 'charge') return await payments.charge(request)
  if (what === 'cancel') return await payments.cancel(request.key as string)
  if (what === 'find') return await payments.find(request.order)
  return await crashes.follow(what as Step, instance)
}

/** Orders at all instances, two of which are killed; then until none is open, or until nothing moves any more. */
async function takeOrders(stage: Stage, side: string, orders: number): Promise<Figures> {
  const other = await openScratch(stage.url, 'database')
  try {
    const payments = await PaymentService.open(other.url)
    try {
      return await takeOrdersWith(payments, stage, side, orders)
    } finally {
      await payments.close()
      await endPrepared(other.url)
    }
  } finally {
    await other.drop()
  }
}

async function takeOrdersWith(payments: PaymentService, stage: Stage, side: string, orders: number): Promise<Figures> {
  const crashes = new Crashes(orders)
  const instances = await startPrograms(INSTANCES, {
    name: 'checkout-server',
    options: {
      url: stage.url,
      paymentsUrl: payments.url,
      side,
      callMs: CALL_MS,
      products: PRODUCTS,
      leaseMs: LEASE_MS,
    },
    onCall: async (what, subject, instance) => await answer(crashes, payments, what, subject, instance),
  })
  let lockedOut = 0
  try {
    const { p50_ms = 0, p95_ms = 0 } = await runRush(
      { ...stage, arrivals: orders, perSecond: PER_SECOND },
      async (order) => {
        const alive = instances.filter(({ isAlive }) => isAlive)
        await alive[order % alive.length]?.call('place', order).catch((error: Error) => {
          if (error.message.includes('lock timeout')) lockedOut++
        })
      },
    )
    const isDone = async () => (await countOpen(stage)) === 0
    await waitUntilQuiet({ isDone, countMoves: () => crashes.moves, signal: stage.signal })
    await writeDown(stage, payments)
    const outcome = await countOutcome(stage)
    return { orders, ...outcome, locked_out: lockedOut, kills: crashes.kills, p50_ms, p95_ms }
  } finally {
    await killAll(instances)
    await endPrepared(stage.url)
  }
}

const openThings = (payments: string) => `
  select 'pending orders' as what, count(*)::int as amount from orders where status = 'pending'
  union all select 'sagas', count(*)::int from holdfast.sagas_instances where finished_at is null
  union all select 'prepared transactions', count(*)::int from pg_prepared_xacts where database in (current_database(), '${payments}')`

async function countOpen({ db }: Stage): Promise<number> {
  const { rows } = await db.query<{ amount: number }>(openThings(''))
  return rows.reduce((sum, { amount }) => sum + amount, 0)
}

/** The invariants are asked in the shop's database. */
async function writeDown({ db }: Stage, payments: PaymentService): Promise<void> {
  await db.query(`insert into left_over ${openThings(new URL(payments.url).pathname.slice(1))}`)
  const charges = await payments.list()
  const [ids, cents] = [charges.map(({ order_id: id }) => id), charges.map(({ cents: paid }) => paid)]
  await db.sql`insert into charged select * from unnest(${ids}::int[], ${cents}::int[])`
}

/** A database with a prepared transaction cannot be dropped. Their sessions may be at it for a moment longer. */
async function endPrepared(url: string): Promise<void> {
  const db = await connectTo({ url, pool: { max: 1 } })
  try {
    for (let tries = 0; tries < ROLL_BACK_TRIES; tries++) {
      const gids = await listPrepared(db)
      if (gids.length === 0) return
      for (const gid of gids) await db.query(`rollback prepared '${gid}'`).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  } finally {
    await db.close()
  }
}

async function listPrepared(db: Db): Promise<string[]> {
  const rows = await db.sql<{ gid: string }>`select gid from pg_prepared_xacts where database = current_database()`
  return rows.map(({ gid }) => gid)
}

async function countOutcome({ db }: Stage): Promise<Figures> {
  const [row] = await db.sql<Figures>`
    select (select count(*)::int from orders where status = 'paid') as paid,
           (select count(*)::int from charged c
             where not exists (select from orders o where o.id = c.order_id and o.status = 'paid')) as charged_for_nothing,
           (select count(*)::int from orders o
             where status = 'paid' and not exists (select from charged c where c.order_id = o.id)) as unpaid,
           (select amount from left_over where what = 'pending orders') as pending,
           (select amount from left_over where what = 'prepared transactions') as prepared`
  return { ...row }
}

/** Whether a server lets transactions be prepared; by default none does. */
async function canPrepare(url: string): Promise<boolean> {
  const db = await connectTo({ url, pool: { max: 1 } })
  try {
    const [row] = await db.sql<{ most: number }>`select current_setting('max_prepared_transactions')::int as most`
    return (row?.most ?? 0) >= 2 * INSTANCES
  } finally {
    await db.close()
  }
}

const describeSides = (orders: number): Side[] => {
  const describe = (name: string, what: string): Side => ({
    name,
    what,
    run: async (stage) => await takeOrders(stage, name, orders),
  })
  return [
    describe('naive', 'save the order, await the charge, mark it paid; in catch: cancel the order'),
    describe('sweep', 'the same, and a cron that cancels orders which have been pending for a second'),
    describe('reconcile', 'the same, but only a decline cancels at once, and the cron asks the payment service first'),
    {
      ...describe('two-phase commit', 'PREPARE TRANSACTION in both databases, then COMMIT PREPARED in both'),
      canRun: canPrepare,
    },
    describe('protected', 'defineSaga: s.tx, s.call with its key and an undo by that key, s.tx'),
  ]
}

/** With fewer orders for tests. */
export const createHalfDoneOrder = (orders = ORDERS): Experiment => ({
  name: 'half-done-order',
  story:
    'The order was cancelled because the payment service had not answered. It had charged. Others are pending since an instance died, and nobody knows which of them are paid.',
  scratch: 'database',
  setup: `
    create table stock (product int primary key, total int not null, free int not null check (free >= 0));
    insert into stock select product, ${PIECES}, ${PIECES} from generate_series(0, ${PRODUCTS - 1}) product;
    create table orders (id int primary key, product int not null, status text not null, since timestamptz not null default clock_timestamp());
    create table charged (order_id int not null, cents int not null);
    create table left_over (what text primary key, amount int not null);`,
  invariants: [
    {
      name: 'every order is paid with one charge, or gone with none',
      sql: `select coalesce(o.id, c.order_id) as "order", coalesce(o.status, 'none') as status, coalesce(c.charges, 0) as charges
              from orders o
              full join (select order_id, count(*) as charges from charged group by order_id) c on c.order_id = o.id
             where o.status = 'pending' or coalesce(c.charges, 0) <> case when o.status = 'paid' then 1 else 0 end`,
    },
    {
      name: 'the money charged is the price of what was sold',
      sql: `select charged, due
              from (select coalesce(sum(cents), 0) as charged from charged) c,
                   (select count(*) * ${PRICE_CENTS} as due from orders where status = 'paid') o
             where charged <> due`,
    },
    {
      name: 'stock and sold pieces add up',
      sql: `select s.product, s.total, s.free, count(o.id) as sold
              from stock s left join orders o on o.product = s.product and o.status = 'paid'
             group by s.product having s.free + count(o.id) <> s.total`,
    },
    { name: 'nothing is left pending or locked', sql: 'select what, amount from left_over where amount > 0' },
  ],
  sides: describeSides(orders),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    const inVain = (side: string) => `${side} ${read(side, 'charged_for_nothing')}`
    const twoPhase = figures.has('two-phase commit')
      ? `Two-phase commit left ${read('two-phase commit', 'prepared')} prepared transactions, whose locks turned ` +
        `${read('two-phase commit', 'locked_out')} later orders away`
      : 'Two-phase commit was not run: max_prepared_transactions of this server is 0, its default, or too small'
    return (
      `Charged for nothing: ${inVain('naive')}, ${inVain('sweep')}, ${inVain('reconcile')}, ${inVain('protected')}; naive left ` +
      `${read('naive', 'pending')} orders pending. ${twoPhase}. Protected ended every order of the killed instances; so does ` +
      `reconcile, as long as no charge comes later than its cron asks.`
    )
  },
})

export const halfDoneOrder = createHalfDoneOrder()
