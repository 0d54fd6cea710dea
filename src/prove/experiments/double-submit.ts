import { killAll, startPrograms, type Program } from '../program.js'
import { runRush } from '../rush.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const INTENTS = 100
const PER_SECOND = 60
const INSTANCES = 3
/** Of an instance's pool. */
const CONNECTIONS = 10
/** Of the people who order, so many click twice, and so many never get the first answer and ask again. */
const TWICE_SHARE = 0.3
const LOST_SHARE = 0.3
/** What an order takes between its row and the charge. */
const WORK_MS = 20
/** Whoever got no order asks again with the same key, then gives up. */
const TRIES = 20
const AGAIN_MS = 100
/** Retries of one request that is slow today, all at one instance. */
const TWINS = 20
const LOOKS = 20
const LOOK_MS = 20
/** So long the slow one goes on at most while somebody else's request waits behind its twins. */
const PATIENCE_MS = 500

/** `placed`: the order's row is written, not committed. `committed`: order and charge are, and nobody was told. */
type Step = 'placed' | 'committed'

const pause = async (ms: number): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms))

interface Hold {
  reached: () => void
  released: Promise<void>
}

/** Lets an order take its time, holds one up, and takes an instance down at a step: that depends on how many came before. */
class Steps {
  readonly #holds = new Map<number, Hold>()
  readonly #due: { step: Step; placed: number }[] = []
  #placed = 0
  kills = 0

  /** From here on one instance dies at each step. */
  planKills(intents: number): void {
    const [soon, later] = [this.#placed + Math.floor(intents / 4), this.#placed + Math.floor(intents / 2)]
    this.#due.push({ step: 'placed', placed: soon }, { step: 'committed', placed: later })
  }

  /** The first request of this intent stands between its two rows from `reached` until `release`. */
  hold(intent: number): { reached: Promise<void>; release: () => void } {
    const [reaching, releasing] = [openGate(), openGate()]
    this.#holds.set(intent, { reached: reaching.open, released: releasing.opened })
    return { reached: reaching.opened, release: releasing.open }
  }

  async follow(step: string, intent: number, instance: Program): Promise<void> {
    if (!instance.isAlive) return
    if (step === 'placed') this.#placed++
    const [next] = this.#due
    if (next?.step === step && this.#placed >= next.placed) return await this.#kill(instance)
    if (step === 'placed') await (this.#stand(intent) ?? pause(WORK_MS))
  }

  #stand(intent: number): Promise<void> | undefined {
    const hold = this.#holds.get(intent)
    this.#holds.delete(intent)
    hold?.reached()
    return hold?.released
  }

  async #kill(instance: Program): Promise<void> {
    this.#due.shift()
    this.kills++
    await instance.kill()
  }
}

function openGate(): { open: () => void; opened: Promise<void> } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

/** The clients, and what they were told. */
class Clients {
  readonly #instances: readonly Program[]
  readonly told: { intent: number; order: number }[] = []
  intents = 0
  requests = 0

  constructor(instances: readonly Program[]) {
    this.#instances = instances
  }

  /** One button, once or several times. `turn` says which instance; another one when that is dead. */
  async submit(intent: number, turn: number, isAnswerLost = false): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const order = await this.#ask(intent, turn)
      if (order !== undefined && !isAnswerLost) this.told.push({ intent, order })
      if (order !== undefined) return
      await pause(AGAIN_MS)
    }
  }

  /** Undefined: it is in progress, or the instance has died or failed. */
  async #ask(intent: number, turn: number): Promise<number | undefined> {
    this.requests++
    const alive = this.#instances.filter(({ isAlive }) => isAlive)
    const answer = await alive[turn % alive.length]?.call('order', intent).catch(() => {})
    return answer as number | undefined
  }

  async order(kind: number): Promise<void> {
    const intent = this.intents++
    if (kind < TWICE_SHARE)
      return void (await Promise.all([this.submit(intent, intent), this.submit(intent, intent + 1)]))
    if (kind < TWICE_SHARE + LOST_SHARE) await this.submit(intent, intent, true)
    await this.submit(intent, intent + 1)
  }
}

/** Every connection of every instance takes an order: logins and first calls are not what is compared. */
async function warmUp(clients: Clients): Promise<void> {
  const visits = Array.from({ length: INSTANCES * CONNECTIONS }, async (_, turn) => {
    await clients.submit(clients.intents++, turn)
  })
  await Promise.all(visits)
}

/** A request is slow, its client asks again and again at another instance, and somebody else comes there too. */
async function meetTwins(clients: Clients, steps: Steps, instance: Program): Promise<Figures> {
  const slow = clients.intents++
  const { reached, release } = steps.hold(slow)
  const first = clients.submit(slow, 0)
  await Promise.race([reached, first])
  const twins = Array.from({ length: TWINS }, async () => await clients.submit(slow, 1))
  const pool = await watchPool(instance)
  const asked = performance.now()
  const bystander = clients.submit(clients.intents++, 1).then(() => performance.now() - asked)
  await Promise.race([bystander, pause(PATIENCE_MS)])
  release()
  await Promise.all([first, ...twins])
  return { ...pool, bystander_ms: Math.round(await bystander) }
}

/** Medians: a connection that is looked with for a moment is not held. */
async function watchPool(instance: Program): Promise<Figures> {
  const looks: { held: number; waits: number }[] = []
  for (let look = 0; look < LOOKS; look++) {
    looks.push((await instance.call('pool', undefined)) as { held: number; waits: number })
    await pause(LOOK_MS)
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[LOOKS >> 1] ?? 0
  return {
    held_by_twins: median(looks.map(({ held }) => held)),
    pool_waits: median(looks.map(({ waits }) => waits)),
  }
}

/** Twins of one slow request first; then everybody, while two of three instances die. */
async function takeOrders(stage: Stage, side: string, intents: number): Promise<Figures> {
  const steps = new Steps()
  const instances = await startPrograms(INSTANCES, {
    name: 'submit-server',
    options: { url: stage.url, side, connections: CONNECTIONS },
    onCall: async (step, intent, instance) => await steps.follow(step, intent, instance),
  })
  try {
    const clients = new Clients(instances)
    await warmUp(clients)
    const twins = await meetTwins(clients, steps, instances[1] as Program)
    steps.planKills(intents)
    const { p50_ms = 0, p99_ms = 0 } = await runRush(
      { ...stage, arrivals: intents, perSecond: PER_SECOND },
      async () => await clients.order(stage.random()),
    )
    await writeDown(stage, clients)
    const { kills } = steps
    return {
      intents: clients.intents,
      requests: clients.requests,
      kills,
      ...(await countOutcome(stage)),
      p50_ms,
      p99_ms,
      ...twins,
    }
  } finally {
    await killAll(instances)
  }
}

async function writeDown({ db }: Stage, { intents, told }: Clients): Promise<void> {
  await db.sql`insert into intent select generate_series(0, ${intents - 1}::int)`
  await db.sql`insert into answer
    select * from unnest(${told.map(({ intent }) => intent)}::int[], ${told.map(({ order }) => order)}::int[])`
}

async function countOutcome({ db }: Stage): Promise<Figures> {
  const [row] = await db.sql<Figures>`
    select count(*)::int as charges, (count(*) - count(distinct intent))::int as duplicates,
           (select count(*)::int from intent i where not exists (select from answer a where a.intent = i.id)) as stuck
      from charge`
  return { ...row }
}

const describeSides = (intents: number): Side[] =>
  [
    { name: 'naive', what: 'no key: every request is an order' },
    { name: 'check first', what: 'a middleware: select the answer by the key, else run the handler and insert it' },
    {
      name: 'key row',
      what: `the key is inserted first, "in progress", and gets the answer afterwards; 409 meanwhile`,
    },
    { name: 'key lease', what: 'the same, taken over after a second in progress, as SET NX with a TTL does' },
    {
      name: 'unique index',
      what: 'the key is inserted in the transaction of the order; a twin waits for its end there',
    },
    { name: 'protected', what: 'idempotency.run with the key' },
  ].map(({ name, what }) => ({ name, what, run: async (stage) => await takeOrders(stage, name, intents) }))

/** With fewer intents for tests. */
export const createDoubleSubmit = (intents = INTENTS): Experiment => ({
  name: 'double-submit',
  story:
    'People clicked twice, apps asked again after a timeout, and some were charged twice. Keys were introduced; since an instance died, a few people are told that their order is in progress.',
  scratch: 'database',
  setup: `
    create table orders (id int generated always as identity primary key, intent int not null);
    create table charge (intent int not null, order_id int not null);
    create table answered (key text not null, order_id int not null);
    create index on answered (key);
    create table request_key (key text primary key, order_id int, since timestamptz not null default clock_timestamp());
    create table intent (id int primary key);
    create table answer (intent int not null, order_id int not null);`,
  invariants: [
    {
      name: 'one charge per intent',
      sql: 'select intent, count(*) as charges from charge group by intent having count(*) > 1',
    },
    {
      name: 'all answers of an intent name one order, which is there',
      sql: `select a.intent, count(distinct a.order_id) as told, count(distinct c.order_id) as charged
              from answer a left join charge c using (intent, order_id) group by a.intent
            having count(distinct a.order_id) > 1 or count(distinct c.order_id) = 0`,
    },
    {
      name: 'nobody is stuck: every intent was answered with an order',
      sql: 'select id as intent from intent i where not exists (select from answer a where a.intent = i.id)',
    },
  ],
  sides: describeSides(intents),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    return (
      `Charges too many: naive ${read('naive', 'duplicates')}, check first ${read('check first', 'duplicates')}. The crashes ` +
      `left ${read('key row', 'stuck')} people stuck with key row, and a lease charged ${read('key lease', 'duplicates')} again. ` +
      `Unique index and protected charged once; while one request was slow its ${TWINS} twins held ` +
      `${read('unique index', 'held_by_twins')} connections of the instance with unique index and ` +
      `${read('protected', 'held_by_twins')} with protected, and somebody else there was answered after ` +
      `${read('unique index', 'bystander_ms')} and ${read('protected', 'bystander_ms')} ms.`
    )
  },
})

export const doubleSubmit = createDoubleSubmit()
