// An instance of a shop for the experiment saga-crash: it accepts an order, then takes it through three steps: reserve
// (SQL), ship (a call to the carrier), book (SQL). It is killed with many orders in the middle of each.
import pg from 'pg'
import { connectTo } from '../../core/index.js'
import { createSagas, defineSaga } from '../../sagas/index.js'
import { joinExperiment } from '../link.js'
import { inTransaction } from '../transactions.js'

interface Sql {
  query(text: string, params?: unknown[]): Promise<{ rowCount: number | null }>
}

/** Resolves when the order is accepted: from here on it must come to its end. */
type Accept = (order: number) => Promise<void>

const CONNECTIONS = 20
const SWEEP_MS = 250
/** An order that has not moved for so long is taken for abandoned. Published defaults are minutes. */
const ABANDONED = `status = 'running' and since < clock_timestamp() - interval '2 seconds'`

let accept: Accept | undefined
const { options, link } = await joinExperiment<{ url: string; side: string; leaseMs: number }>(
  async (_, order) => await accept?.(order as number),
)
const pool = new pg.Pool({ connectionString: options.url, max: CONNECTIONS })
pool.on('error', () => {})

/** The SQL of a step. The experiment answers when it is done and not committed, or kills. */
async function write(sql: Sql, step: 'reserve' | 'book', order: number): Promise<void> {
  await sql.query('insert into effect (order_id, step) values ($1, $2)', [order, step])
  await link.call(step, { order })
}

/** The carrier sends one parcel for each key; without a key one for each call. */
async function ship(order: number, key?: string): Promise<void> {
  await link.call('ship', { order, key })
}

async function insertOrder(order: number): Promise<void> {
  await pool.query('insert into orders (id) values ($1)', [order])
}

/** Runs `work` for what has not moved for a while, and for nothing twice at a time. */
function sweep(work: (order: number) => Promise<void>): void {
  const look = async () => {
    const { rows } = await pool.query<{ id: number }>(
      `update orders set since = clock_timestamp()
        where id in (select id from orders where ${ABANDONED} for update skip locked) returning id`,
    )
    for (const { id } of rows) void work(id).catch(() => {})
  }
  setInterval(() => void look().catch(() => {}), SWEEP_MS)
}

/** Step after step; the status says when all of them are done, and a cron runs again what is not. */
function openNaive(): Accept {
  const fulfil = async (order: number) => {
    await inTransaction(pool, async (client) => await write(client, 'reserve', order))
    await ship(order)
    await inTransaction(pool, async (client) => {
      await write(client, 'book', order)
      await client.query(`update orders set status = 'done' where id = $1`, [order])
    })
  }
  sweep(fulfil)
  return async (order) => {
    await insertOrder(order)
    void fulfil(order).catch(() => {})
  }
}

/** Which step is next stands in the order's row, and goes on in the transaction of the step, from where it stood only. */
function openStepColumn(): Accept {
  const goOn = async (sql: Sql, order: number, from: number, status = 'running'): Promise<boolean> => {
    const text = 'update orders set step = $2, status = $3, since = clock_timestamp() where id = $1 and step = $4'
    return (await sql.query(text, [order, from + 1, status, from])).rowCount === 1
  }
  const steps = [
    async (order: number) =>
      await inTransaction(pool, async (client) => {
        if (await goOn(client, order, 0)) await write(client, 'reserve', order)
      }),
    async (order: number) => {
      await ship(order, `order:${order}`)
      await goOn(pool, order, 1)
    },
    async (order: number) =>
      await inTransaction(pool, async (client) => {
        if (await goOn(client, order, 2, 'done')) await write(client, 'book', order)
      }),
  ]
  const fulfil = async (order: number) => {
    const { rows } = await pool.query<{ step: number }>('select step from orders where id = $1', [order])
    for (const step of steps.slice(rows[0]?.step)) await step(order)
  }
  sweep(fulfil)
  return async (order) => {
    await insertOrder(order)
    void fulfil(order).catch(() => {})
  }
}

async function openHoldfast(): Promise<Accept> {
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const db = await connectTo({ url: options.url, pool: { max: CONNECTIONS }, logger })
  const delivery = defineSaga('delivery', { version: 1 }, async (s, { order }: { order: number }) => {
    await s.tx('reserve', { do: async (tx) => await write(tx, 'reserve', order) })
    await s.call('ship', { do: async ({ key }) => await ship(order, key) })
    await s.tx('book', { do: async (tx) => await write(tx, 'book', order) })
  })
  const sagas = await createSagas(db, { sagas: [delivery], logger })
  await sagas.work({ leaseMs: options.leaseMs })
  return async (order) => void (await sagas.start(delivery, { order }, { id: `order:${order}` }))
}

const openings: Record<string, () => Accept | Promise<Accept>> = {
  naive: openNaive,
  'step column': openStepColumn,
  protected: openHoldfast,
}
accept = await openings[options.side]?.()
await link.call('serving')
