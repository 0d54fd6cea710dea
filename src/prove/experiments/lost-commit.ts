import type { PoolClient } from 'pg'
import { runRush } from '../rush.js'
import type { Experiment, Side, Stage } from '../types.js'

const ORDERS = 400
const PER_SECOND = 800
/** Notes longer than the audit column: one order in ten has one. */
const LONG_NOTE_SHARE = 0.1

interface Order {
  id: number
  note: string
}

/** As people write it: the audit row is a courtesy, so its failure must not fail the order. */
async function saveNaively(client: PoolClient, { id, note }: Order): Promise<void> {
  await client.query('begin')
  await client.query('insert into orders (id) values ($1)', [id])
  try {
    await client.query('insert into audit (order_id, note) values ($1, $2)', [id, note])
  } catch {
    // "Logging must never break an order."
  }
  // The failed statement doomed the transaction: this is answered ROLLBACK, and node-postgres reports no error.
  await client.query('commit')
}

/** Known to a few: look at what COMMIT was answered. */
async function saveCheckingCommit(client: PoolClient, order: Order): Promise<void> {
  await client.query('begin')
  await client.query('insert into orders (id) values ($1)', [order.id])
  try {
    await client.query('insert into audit (order_id, note) values ($1, $2)', [order.id, order.note])
  } catch {
    // As above.
  }
  const { command } = await client.query('commit')
  if (command !== 'COMMIT') throw new Error('not committed')
}

/** Each order is answered 200 or 500, and that answer is what the invariants hold against the tables. */
async function answerOrders({ random, signal, pool }: Stage, save: (order: Order) => Promise<void>) {
  let answered200 = 0
  const figures = await runRush({ arrivals: ORDERS, perSecond: PER_SECOND, random, signal }, async (id) => {
    const note = 'x'.repeat(random() < LONG_NOTE_SHARE ? 200 : 20)
    const status = await save({ id, note }).then(
      () => 200,
      () => 500,
    )
    if (status === 200) answered200++
    await pool.query('insert into answer (order_id, status) values ($1, $2)', [id, status])
  })
  return { orders: ORDERS, answered_200: answered200, answered_500: ORDERS - answered200, ...figures }
}

async function withClient(stage: Stage, work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await stage.pool.connect()
  try {
    await work(client)
  } finally {
    client.release()
  }
}

const sides: Side[] = [
  {
    name: 'naive',
    what: 'a failed audit insert is caught, then COMMIT, then 200',
    run: async (stage) =>
      await answerOrders(
        stage,
        async (order) => await withClient(stage, async (client) => await saveNaively(client, order)),
      ),
  },
  {
    name: 'check the answer',
    what: 'the same, comparing the command tag of COMMIT by hand',
    run: async (stage) =>
      await answerOrders(
        stage,
        async (order) => await withClient(stage, async (client) => await saveCheckingCommit(client, order)),
      ),
  },
  {
    name: 'protected',
    what: 'db.tx with the courtesy in tx.savepoint: a doomed COMMIT throws HF_TX_ABORTED, a savepoint avoids it',
    run: async (stage) =>
      await answerOrders(stage, async ({ id, note }) => {
        await stage.db.tx(async (tx) => {
          await tx.sql`insert into orders (id) values (${id})`
          // One order in two is written by someone who forgot the savepoint: it is refused, not lost.
          const audit = async (part: typeof tx) =>
            await part.sql`insert into audit (order_id, note) values (${id}, ${note})`
          await (id % 2 === 0 ? tx.savepoint(audit) : audit(tx)).catch(() => {})
        })
      }),
  },
]

export const lostCommit: Experiment = {
  name: 'lost-commit',
  story:
    'The customer got 200 and a receipt. The order is in no table, no log has an error. A caught error had doomed the transaction.',
  setup: `
    create table orders (id int primary key);
    create table audit (order_id int not null, note varchar(100) not null);
    create table answer (order_id int primary key, status int not null);`,
  invariants: [
    {
      name: 'every order answered 200 is there',
      sql: `select count(*) as lost_orders from answer a
            where status = 200 and not exists (select from orders o where o.id = a.order_id) having count(*) > 0`,
    },
    {
      name: 'no order answered 500 is there',
      sql: `select count(*) as ghost_orders from answer a
            where status = 500 and exists (select from orders o where o.id = a.order_id) having count(*) > 0`,
    },
  ],
  sides,
  conclude: (figures) => {
    const answered = (side: string) => figures.get(side)?.['answered_200'] ?? 0
    return (
      `Of ${ORDERS} orders naive answered 200 to ${answered('naive')}, lost ones among them; ` +
      `checking by hand to ${answered('check the answer')}, protected to ${answered('protected')}, every one of them stored.`
    )
  },
}
