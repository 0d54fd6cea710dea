// An instance of a shop for the experiment half-done-order: it saves an order, takes from the stock, and has the payment
// service charge, which has a database of its own. It is killed before the charge, or before the charge is noted.
import { randomUUID } from 'node:crypto'
import pg, { type PoolClient } from 'pg'
import { connectTo } from '../../core/index.js'
import { createSagas, defineSaga } from '../../sagas/index.js'
import { joinExperiment } from '../link.js'
import { decideManner, LATE_MS, PRICE_CENTS } from '../payment-service.js'
import { inTransaction } from '../transactions.js'

interface Options {
  url: string
  paymentsUrl: string
  side: string
  /** So long the shop waits for an answer of the payment service. */
  callMs: number
  products: number
  leaseMs: number
}

/** Rejects when it was not sold, or when nobody knows. */
type Place = (order: number) => Promise<void>

interface Sql {
  query(text: string, params?: unknown[]): Promise<{ rowCount: number | null }>
}

const CONNECTIONS = 10
/** Nobody waits for a row for longer than this. */
const LOCK_TIMEOUT_MS = 1_000
const SWEEP_MS = 250
/** An order that has been pending for so long is taken for abandoned. Published defaults are minutes. */
const ABANDONED = `status = 'pending' and since < clock_timestamp() - interval '1 second'`

let place: Place | undefined
const { options, link } = await joinExperiment<Options>(async (_, order) => await place?.(order as number))
const pool = new pg.Pool({ connectionString: options.url, max: CONNECTIONS, lock_timeout: LOCK_TIMEOUT_MS })
pool.on('error', () => {})

const productOf = (order: number): number => order % options.products

async function saveOrder(sql: Sql, order: number, status: string): Promise<void> {
  const text = 'insert into orders (id, product, status) values ($1, $2, $3)'
  await sql.query(text, [order, productOf(order), status])
  const { rowCount } = await sql.query('update stock set free = free - 1 where product = $1', [productOf(order)])
  if (rowCount === 0) throw new Error('There is no such product.')
}

/** The order is gone and its piece is back. Nothing, where it is not pending any more. */
async function cancelOrder(sql: Sql, order: number): Promise<void> {
  const text = `update orders set status = 'gone' where id = $1 and status = 'pending'`
  if ((await sql.query(text, [order])).rowCount === 0) return
  await sql.query('update stock set free = free + 1 where product = $1', [productOf(order)])
}

async function markPaid(sql: Sql, order: number): Promise<void> {
  await sql.query(`update orders set status = 'paid' where id = $1 and status = 'pending'`, [order])
}

/** A request with a time limit, as a `fetch` with `AbortSignal.timeout`. */
async function charge(order: number, key?: string): Promise<void> {
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error('The payment service did not answer in time.')), options.callMs),
  )
  await Promise.race([link.call('charge', { order, key }), late])
}

/** The experiment answers when the order has come so far, or kills. */
async function pay(order: number, key?: string): Promise<void> {
  await link.call('placed', order)
  await charge(order, key)
  await link.call('charged', order)
}

/** One after the other, and what was done is taken back where something throws. */
async function placeNaively(order: number, isCancelled: (error: unknown) => boolean = () => true): Promise<void> {
  await inTransaction(pool, async (client) => await saveOrder(client, order, 'pending'))
  try {
    await pay(order)
    await markPaid(pool, order)
  } catch (error) {
    if (isCancelled(error)) await inTransaction(pool, async (client) => await cancelOrder(client, order))
    throw error
  }
}

/** The same, and a cron that looks after orders that have been pending for too long. */
function openSweeping(settle: (order: number) => Promise<void>, isCancelled?: (error: unknown) => boolean): Place {
  const sweep = async () => {
    const { rows } = await pool.query<{ id: number }>(`select id from orders where ${ABANDONED}`)
    for (const { id } of rows) await settle(id)
  }
  setInterval(() => void sweep().catch(() => {}), SWEEP_MS)
  return async (order) => await placeNaively(order, isCancelled)
}

async function sweepAway(order: number): Promise<void> {
  await inTransaction(pool, async (client) => await cancelOrder(client, order))
}

/** Asks the payment service first. */
async function reconcile(order: number): Promise<void> {
  if (await link.call('find', { order })) await markPaid(pool, order)
  else await sweepAway(order)
}

const isDeclined = (error: unknown): boolean => error instanceof Error && error.message === 'declined'

/** What the payment service does when it is asked, in a transaction that this process has over there. */
async function chargeOverThere(payments: PoolClient, order: number): Promise<void> {
  const manner = decideManner(order)
  if (manner === 'declined') throw new Error('declined')
  if (manner !== 'prompt') await payments.query('select pg_sleep($1)', [LATE_MS / 1_000])
  await payments.query('insert into charge (order_id, cents) values ($1, $2)', [order, PRICE_CENTS])
}

/** Two-phase commit by hand: both databases promise, then both are told. This process alone knows which transactions belong together. */
function openTwoPhase(): Place {
  const there = { connectionString: options.paymentsUrl, max: CONNECTIONS, statement_timeout: options.callMs }
  const payments = new pg.Pool(there)
  payments.on('error', () => {})
  return async (order) => {
    const id = randomUUID()
    const parts = [
      { name: `${id}-order`, client: await pool.connect(), isPrepared: false },
      { name: `${id}-payment`, client: await payments.connect(), isPrepared: false },
    ] as const
    const [own, other] = parts
    const prepare = async (part: { name: string; client: PoolClient; isPrepared: boolean }) => {
      await part.client.query(`prepare transaction '${part.name}'`)
      part.isPrepared = true
    }
    try {
      await own.client.query('begin')
      await saveOrder(own.client, order, 'paid')
      await other.client.query('begin')
      await chargeOverThere(other.client, order)
      await prepare(own)
      await link.call('placed', order)
      await prepare(other)
      await link.call('charged', order)
      for (const { client, name } of parts) await client.query(`commit prepared '${name}'`)
    } catch (error) {
      for (const { client, name, isPrepared } of parts)
        await client.query(isPrepared ? `rollback prepared '${name}'` : 'rollback')
      throw error
    } finally {
      for (const { client } of parts) client.release()
    }
  }
}

async function openHoldfast(): Promise<Place> {
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const db = await connectTo({ url: options.url, pool: { max: CONNECTIONS }, logger })
  const checkout = defineSaga('checkout', { version: 1 }, async (s, { order }: { order: number }) => {
    await s.tx('order', {
      do: async (tx) => await saveOrder(tx, order, 'pending'),
      undo: async (tx) => await cancelOrder(tx, order),
    })
    await s.call('charge', {
      do: async ({ key }) => await pay(order, key),
      undo: async ({ doKey }) => void (await link.call('cancel', { key: doKey })),
      isRefusal: isDeclined,
      retry: { attempts: 3, backoffMs: 50 },
    })
    await s.tx('paid', { do: async (tx) => await markPaid(tx, order) })
  })
  const sagas = await createSagas(db, { sagas: [checkout], logger })
  await sagas.work({ leaseMs: options.leaseMs })
  return async (order) => {
    const { id } = await sagas.start(checkout, { order }, { id: `order:${order}` })
    await sagas.result(checkout, id)
  }
}

const openings: Record<string, () => Place | Promise<Place>> = {
  naive: () => placeNaively,
  sweep: () => openSweeping(sweepAway),
  reconcile: () => openSweeping(reconcile, isDeclined),
  'two-phase commit': openTwoPhase,
  protected: openHoldfast,
}
place = await openings[options.side]?.()
await link.call('serving')
