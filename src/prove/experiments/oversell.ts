import type { Pool, PoolClient } from 'pg'
import { isHoldfastError, type Db } from '../../core/index.js'
import { createHolds, defineStock, type Hold, type Holds } from '../../holds/index.js'
import { runRush } from '../rush.js'
import { inTransaction, serialize } from '../transactions.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const BUYERS = 500
const PER_SECOND = 1_000
/** One ticket for so many buyers. */
const BUYERS_A_SEAT = 5
const EVENT = 1
/** Of which there is more than enough. */
const OTHER_EVENT = 2
/** Sales of it before the doors open. */
const WARM = 40

interface Visit {
  event: number
  buyer: number
  retries: number
}

/** Gives whether the ticket was sold. */
type Sell = (visit: Visit) => Promise<boolean>

type Sql = Pick<Pool | PoolClient, 'query'>

async function readRemaining(sql: Sql, { event }: Visit, lock = ''): Promise<number> {
  const text = `select remaining from event where id = $1 ${lock}`
  const { rows } = await sql.query<{ remaining: number }>(text, [event])
  return rows[0]?.remaining ?? 0
}

async function insertTicket(sql: Sql, { event, buyer }: Visit): Promise<void> {
  await sql.query('insert into ticket (event_id, buyer) values ($1, $2)', [event, buyer])
}

/** As the posts show it: read, decide, write back. Right for one buyer at a time. */
async function sellReading(sql: Sql, visit: Visit, lock = ''): Promise<boolean> {
  const remaining = await readRemaining(sql, visit, lock)
  if (remaining < 1) return false
  await sql.query('update event set remaining = $2 where id = $1', [visit.event, remaining - 1])
  await insertTicket(sql, visit)
  return true
}

/** No decrement is lost, and what decided is as old as before: the stock goes below zero. */
async function sellChecking(sql: Sql, visit: Visit): Promise<boolean> {
  if ((await readRemaining(sql, visit)) < 1) return false
  await sql.query('update event set remaining = remaining - 1 where id = $1', [visit.event])
  await insertTicket(sql, visit)
  return true
}

async function sellWithAdvisoryLock(client: PoolClient, visit: Visit): Promise<boolean> {
  await client.query('select pg_advisory_xact_lock($1)', [visit.event])
  return await sellReading(client, visit)
}

/** One statement that decides and writes, in one transaction with the ticket. */
async function sellConditionally(db: Db, { event, buyer }: Visit): Promise<boolean> {
  return await db.tx(async (tx) => {
    const sold = await tx.sql`
      update event set remaining = remaining - 1 where id = ${event} and remaining >= 1 returning remaining`
    if (sold.length === 0) return false
    await tx.sql`insert into ticket (event_id, buyer) values (${event}, ${buyer})`
    return true
  })
}

const places = defineStock('places', { table: 'event', resource: 'id', free: 'remaining' })

/** Taken at once, and kept while people pay; the ticket and the end of the hold are one commit. */
async function sellHolding(db: Db, holds: Holds, { event, buyer }: Visit): Promise<boolean> {
  const held = await orSoldOut(holds.hold(places, `${event}`, { quantity: 1 }))
  if (held === undefined) return false
  await db.tx(async (tx) => {
    await holds.confirm(tx, held.id)
    await tx.sql`insert into ticket (event_id, buyer) values (${event}, ${buyer})`
  })
  return true
}

async function orSoldOut(holding: Promise<Hold>): Promise<Hold | undefined> {
  try {
    return await holding
  } catch (error) {
    if (isHoldfastError(error, 'HF_HOLDS_SOLD_OUT')) return undefined
    throw error
  }
}

interface Load {
  buyers: number
  perSecond: number
}

/** Every connection has sold tickets of another event before: logins and first calls are not what is compared. */
async function openTheDoors(stage: Stage, { buyers, perSecond }: Load, sell: Sell): Promise<Figures> {
  const warming = Array.from({ length: WARM }, (_, n) => ({ event: OTHER_EVENT, buyer: buyers + n, retries: 0 }))
  await Promise.all(warming.map(async (visit) => await sell(visit).catch(() => {})))
  let [sold, retries] = [0, 0]
  const figures = await runRush({ ...stage, arrivals: buyers, perSecond }, async (buyer) => {
    const visit: Visit = { event: EVENT, buyer, retries: 0 }
    try {
      if (await sell(visit)) sold++
    } finally {
      retries += visit.retries
    }
  })
  return { stock: countSeats(buyers), answered_sold: sold, retries, ...figures }
}

const countSeats = (buyers: number): number => Math.floor(buyers / BUYERS_A_SEAT)

interface Way {
  name: string
  what: string
  sell: (stage: Stage, visit: Visit) => Promise<boolean>
}

const ways: Way[] = [
  {
    name: 'naive',
    what: 'select remaining; update set remaining = $1 computed in the program',
    sell: async ({ pool }, visit) => await sellReading(pool, visit),
  },
  {
    name: 'check, then relative update',
    what: 'select remaining; if there is one: update set remaining = remaining - 1',
    sell: async ({ pool }, visit) => await sellChecking(pool, visit),
  },
  {
    name: 'FOR UPDATE',
    what: 'naive in a transaction, with the row locked before it is read',
    sell: async ({ pool }, visit) =>
      await inTransaction(pool, async (client) => await sellReading(client, visit, 'for update')),
  },
  {
    name: 'advisory lock',
    what: 'naive in a transaction that calls pg_advisory_xact_lock first',
    sell: async ({ pool }, visit) =>
      await inTransaction(pool, async (client) => await sellWithAdvisoryLock(client, visit)),
  },
  {
    name: 'serializable',
    what: 'naive in serializable transactions, each up to twenty times',
    sell: async ({ pool }, visit) =>
      await serialize(
        pool,
        async (client) => await sellReading(client, visit),
        () => visit.retries++,
      ),
  },
  {
    name: 'one statement',
    what: 'one conditional update, and the ticket, in db.tx',
    sell: async ({ db }, visit) => await sellConditionally(db, visit),
  },
]

async function sellWithHolds(stage: Stage, load: Load): Promise<Figures> {
  const holds = await createHolds(stage.db, { from: [places] })
  try {
    return await openTheDoors(stage, load, async (visit) => await sellHolding(stage.db, holds, visit))
  } finally {
    await holds.close()
  }
}

const describeSides = (load: Load): Side[] => [
  ...ways.map(({ name, what, sell }) => ({
    name,
    what,
    run: async (stage: Stage) => await openTheDoors(stage, load, async (visit) => await sell(stage, visit)),
  })),
  {
    name: 'protected',
    what: 'holds.hold on this table, then holds.confirm in the transaction of the ticket',
    run: async (stage) => await sellWithHolds(stage, load),
  },
]

function conclude(figures: ReadonlyMap<string, Figures>, seats: number): string {
  const sold = (side: string) => figures.get(side)?.['answered_sold'] ?? 0
  const at = (side: string) => `${sold(side)} at P95 ${figures.get(side)?.['p95_ms'] ?? 0} ms`
  const { retries = 0, failed = 0 } = figures.get('serializable') ?? {}
  return (
    `${seats} seats: naive sold ${sold('naive')}, check, then relative update ${sold('check, then relative update')}; ` +
    `FOR UPDATE ${at('FOR UPDATE')}, advisory lock ${at('advisory lock')}, serializable ${at('serializable')} ` +
    `with ${retries} retries and ${failed} who were not through, one statement ${at('one statement')}, ` +
    `protected ${at('protected')}.`
  )
}

/** With fewer buyers, who come quicker, for tests. */
export const createOversell = (buyers = BUYERS, perSecond = PER_SECOND): Experiment => {
  const seats = countSeats(buyers)
  return {
    name: 'oversell',
    story: `${buyers} people want ${seats} tickets within ${(1_000 * buyers) / perSecond} ms. The code read the stock, decided, and wrote it back.`,
    scratch: 'database',
    setup: `
      create table event (id int primary key, remaining int not null);
      create table ticket (id bigint generated always as identity primary key, event_id int not null, buyer int not null);
      insert into event values (${EVENT}, ${seats}), (${OTHER_EVENT}, 1000000);`,
    invariants: [
      {
        name: 'no more tickets than seats',
        sql: `select count(*) as tickets, ${seats} as seats from ticket where event_id = ${EVENT} having count(*) > ${seats}`,
      },
      {
        name: 'tickets and remaining seats add up',
        sql: `select remaining, tickets
                from event, (select count(*) as tickets from ticket where event_id = ${EVENT}) sold
               where id = ${EVENT} and remaining + tickets <> ${seats}`,
      },
      { name: 'stock is never negative', sql: `select remaining from event where id = ${EVENT} and remaining < 0` },
    ],
    sides: describeSides({ buyers, perSecond }),
    conclude: (figures) => conclude(figures, seats),
  }
}

export const oversell = createOversell()
