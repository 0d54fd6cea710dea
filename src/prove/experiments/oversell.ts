import type { Pool, PoolClient } from 'pg'
import type { Db } from '../../core/index.js'
import { runRush } from '../rush.js'
import type { Experiment, Side, Stage } from '../types.js'

const STOCK = 100
const BUYERS = 500
const PER_SECOND = 1_000

type Answer = 'sold' | 'sold out'

/** As the posts show it: read, decide, write back. Right for one buyer at a time. */
async function buyNaively(pool: Pool, buyer: number): Promise<Answer> {
  const { rows } = await pool.query<{ remaining: number }>('select remaining from event where id = 1')
  const remaining = rows[0]?.remaining ?? 0
  if (remaining < 1) return 'sold out'
  await pool.query('update event set remaining = $1 where id = 1', [remaining - 1])
  await pool.query('insert into ticket (event_id, buyer) values (1, $1)', [buyer])
  return 'sold'
}

/** The usual cure: lock the row before reading it. Right, and every buyer queues for three round trips. */
async function buyWithRowLock(client: PoolClient, buyer: number): Promise<Answer> {
  await client.query('begin')
  try {
    const { rows } = await client.query<{ remaining: number }>('select remaining from event where id = 1 for update')
    const remaining = rows[0]?.remaining ?? 0
    if (remaining >= 1) {
      await client.query('update event set remaining = $1 where id = 1', [remaining - 1])
      await client.query('insert into ticket (event_id, buyer) values (1, $1)', [buyer])
    }
    await client.query('commit')
    return remaining >= 1 ? 'sold' : 'sold out'
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

/** One statement that decides and writes, in one transaction with the ticket. */
async function buyConditionally(db: Db, buyer: number): Promise<Answer> {
  return await db.tx(async (tx) => {
    const sold = await tx.sql`
      update event set remaining = remaining - 1 where id = 1 and remaining >= 1 returning remaining`
    if (sold.length === 0) return 'sold out'
    await tx.sql`insert into ticket (event_id, buyer) values (1, ${buyer})`
    return 'sold'
  })
}

async function countSales(stage: Stage, buy: (buyer: number) => Promise<Answer>) {
  let sold = 0
  const figures = await runRush({ ...stage, arrivals: BUYERS, perSecond: PER_SECOND }, async (buyer) => {
    if ((await buy(buyer)) === 'sold') sold++
  })
  return { stock: STOCK, answered_sold: sold, ...figures }
}

const sides: Side[] = [
  {
    name: 'naive',
    what: 'select remaining; update set remaining = $1 computed in the program',
    run: async (stage) => await countSales(stage, async (buyer) => await buyNaively(stage.pool, buyer)),
  },
  {
    name: 'FOR UPDATE',
    what: 'the same, with the row locked while the program decides',
    run: async (stage) =>
      await countSales(stage, async (buyer) => {
        const client = await stage.pool.connect()
        try {
          return await buyWithRowLock(client, buyer)
        } finally {
          client.release()
        }
      }),
  },
  {
    name: 'protected',
    what: 'one conditional statement in db.tx',
    run: async (stage) => await countSales(stage, async (buyer) => await buyConditionally(stage.db, buyer)),
  },
]

export const oversell: Experiment = {
  name: 'oversell',
  story: `${BUYERS} people want ${STOCK} tickets within half a second. The code read the stock, decided, and wrote it back.`,
  setup: `
    create table event (id int primary key, remaining int not null);
    create table ticket (id bigint generated always as identity primary key, event_id int not null, buyer int not null);
    insert into event values (1, ${STOCK});`,
  invariants: [
    {
      name: 'no more tickets than seats',
      sql: `select count(*) as tickets, ${STOCK} as seats from ticket having count(*) > ${STOCK}`,
    },
    {
      name: 'tickets and remaining seats add up',
      sql: `select remaining, (select count(*) from ticket) as tickets from event
            where remaining + (select count(*) from ticket) <> ${STOCK}`,
    },
    { name: 'stock is never negative', sql: 'select remaining from event where remaining < 0' },
  ],
  sides,
  conclude: (figures) => {
    const sold = (side: string) => figures.get(side)?.['answered_sold'] ?? 0
    const p95 = (side: string) => figures.get(side)?.['p95_ms'] ?? 0
    return (
      `${STOCK} seats: naive sold ${sold('naive')}, FOR UPDATE ${sold('FOR UPDATE')} at P95 ${p95('FOR UPDATE')} ms, ` +
      `protected ${sold('protected')} at P95 ${p95('protected')} ms.`
    )
  },
}
