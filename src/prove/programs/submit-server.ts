// An instance of a shop for the experiment double-submit: an order is placed and its buyer charged. `order` is answered
// with the order's id (201), or with undefined (409: it is in progress). It is killed before the commit, or before the answer.
import type { QueryResult } from 'pg'
import pg from 'pg'
import { connectTo } from '../../core/index.js'
import { createIdempotency } from '../../idempotency/index.js'
import { joinExperiment } from '../link.js'
import { inTransaction } from '../transactions.js'

interface Row {
  order_id: number
}

interface Sql {
  query(text: string, params?: unknown[]): Promise<Pick<QueryResult<Row>, 'rows'>>
}

type Serve = (intent: number) => Promise<number | undefined>

/** A key that has been in progress for so long is taken over. Published defaults are minutes, or a day. */
const LEASE_SECONDS = 1

let serve: Serve | undefined
const { options, link } = await joinExperiment<{ url: string; side: string; connections: number }>(
  async (what, intent) => {
    return what === 'pool' ? countPool() : await serve?.(intent as number)
  },
)
let pool: pg.Pool = new pg.Pool({ connectionString: options.url, max: options.connections })
pool.on('error', () => {})

function countPool(): { held: number; waits: number } {
  return { held: pool.totalCount - pool.idleCount, waits: pool.waitingCount }
}

/** The header that the client sends: new for each intent, the same for each retry. */
const keyOf = (intent: number): string => `intent-${intent}`

/** What is to happen once, the same on every side. The experiment answers a call when that much of it is over, or kills. */
async function placeOrder(sql: Sql, intent: number): Promise<number> {
  const { rows } = await sql.query('insert into orders (intent) values ($1) returning id as order_id', [intent])
  const order = rows[0]?.order_id as number
  await link.call('placed', intent)
  await sql.query('insert into charge (intent, order_id) values ($1, $2)', [intent, order])
  return order
}

/** The handler as people write it: order and charge are one commit, and who asks again orders again. */
async function serveNaively(intent: number): Promise<number> {
  const order = await inTransaction(pool, async (client) => await placeOrder(client, intent))
  await link.call('committed', intent)
  return order
}

/** A middleware around that handler: was this key answered before? If not, run the handler and keep its answer. */
async function serveCheckingFirst(intent: number): Promise<number> {
  const { rows } = await pool.query<Row>('select order_id from answered where key = $1 limit 1', [keyOf(intent)])
  if (rows[0]) return rows[0].order_id
  const order = await serveNaively(intent)
  await pool.query('insert into answered (key, order_id) values ($1, $2)', [keyOf(intent), order])
  return order
}

/** The same without the race: the key is there, in progress, before the handler runs. */
async function serveWithKeyRow(intent: number, takeOver = 'do nothing'): Promise<number | undefined> {
  const claim = `insert into request_key (key) values ($1) on conflict (key) ${takeOver} returning key`
  if ((await pool.query(claim, [keyOf(intent)])).rowCount === 0) return await findOrder(pool, intent)
  try {
    const order = await serveNaively(intent)
    await keepOrder(pool, intent, order)
    return order
  } catch (error) {
    await pool.query('delete from request_key where key = $1', [keyOf(intent)])
    throw error
  }
}

async function findOrder(sql: Sql, intent: number): Promise<number | undefined> {
  const { rows } = await sql.query('select order_id from request_key where key = $1', [keyOf(intent)])
  return rows[0]?.order_id ?? undefined
}

async function keepOrder(sql: Sql, intent: number, order: number): Promise<void> {
  await sql.query('update request_key set order_id = $2 where key = $1', [keyOf(intent), order])
}

const takeOverLate = `do update set since = clock_timestamp()
  where request_key.order_id is null and request_key.since < clock_timestamp() - interval '${LEASE_SECONDS} s'`

/** The key in the transaction of the effect: a twin's insert waits for the end of that transaction. */
async function serveInOneTransaction(intent: number): Promise<number | undefined> {
  const { order, isNew } = await inTransaction(pool, async (client) => {
    const claim = 'insert into request_key (key) values ($1) on conflict do nothing'
    if ((await client.query(claim, [keyOf(intent)])).rowCount === 0)
      return { order: await findOrder(client, intent), isNew: false }
    const placed = await placeOrder(client, intent)
    await keepOrder(client, intent, placed)
    return { order: placed, isNew: true }
  })
  if (isNew) await link.call('committed', intent)
  return order
}

async function openHoldfast(): Promise<Serve> {
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const db = await connectTo({ url: options.url, pool: { max: options.connections }, logger })
  const idempotency = createIdempotency(db, { logger })
  pool = db.pool
  return async (intent) => {
    const call = { scope: 'POST /orders', principal: `user:${intent}`, key: keyOf(intent), input: { intent } }
    const { value, isReplay } = await idempotency.run(call, async (tx) => await placeOrder(tx, intent))
    if (!isReplay) await link.call('committed', intent)
    return value
  }
}

const openings: Record<string, () => Serve | Promise<Serve>> = {
  naive: () => serveNaively,
  'check first': () => serveCheckingFirst,
  'key row': () => serveWithKeyRow,
  'key lease': () => async (intent) => await serveWithKeyRow(intent, takeOverLate),
  'unique index': () => serveInOneTransaction,
  protected: openHoldfast,
}
serve = await openings[options.side]?.()
await link.call('serving')
