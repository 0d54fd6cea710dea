// An instance of a shop for the experiment hot-seat: it sells places of an event, and seats by their names. `buy` is
// answered with whether it was sold, and how often it had to be tried again.
import type { PoolClient, QueryResult } from 'pg'
import pg from 'pg'
import { connectTo, isHoldfastError } from '../../core/index.js'
import { createHolds, defineStock, defineUnits, type Hold } from '../../holds/index.js'
import { joinExperiment } from '../link.js'
import { inTransaction, serialize } from '../transactions.js'

interface Wish {
  event: number
  buyer: number
  wants: 'place' | 'seat'
}

interface Row {
  places_left: number
  taken_by: string | null
}

interface Sql {
  query(text: string, params?: unknown[]): Promise<Pick<QueryResult<Row>, 'rows' | 'rowCount'>>
}

/** Both give whether they got it. */
interface Shop {
  buyPlace(visit: Visit): Promise<boolean>
  buySeat(visit: Visit, seat: string): Promise<boolean>
}

interface Visit {
  event: number
  buyer: number
  retries: number
}

/** People want the best seats: those that the map shows first. */
const BEST = 50

let shop: Shop | undefined
const { options, link } = await joinExperiment<{ url: string; side: string; connections: number }>(
  async (_, wish) => await buy(wish as Wish),
)
let pool: pg.Pool = new pg.Pool({ connectionString: options.url, max: options.connections })
pool.on('error', () => {})

/** The same on every side. Whoever finds a seat taken looks at the map again. */
async function buy({ event, buyer, wants }: Wish): Promise<{ isSold: boolean; retries: number }> {
  const visit: Visit = { event, buyer, retries: 0 }
  const isSold = (await (wants === 'place' ? shop?.buyPlace(visit) : chooseSeat(visit))) ?? false
  return { isSold, retries: visit.retries }
}

async function chooseSeat(visit: Visit): Promise<boolean> {
  for (;;) {
    const text = 'select id from seat where event_id = $1 and taken_by is null order by id limit $2'
    const { rows } = await pool.query<{ id: string }>(text, [visit.event, BEST])
    const seat = rows[visit.buyer % rows.length]?.id
    if (seat === undefined) return false
    if (await shop?.buySeat(visit, seat)) return true
    visit.retries++
  }
}

/** Read, decide, write back; right for one buyer at a time. */
async function buyPlaceReading(sql: Sql, { event, buyer }: Visit, lock = ''): Promise<boolean> {
  const { rows } = await sql.query(`select places_left from event where id = $1 ${lock}`, [event])
  const left = rows[0]?.places_left ?? 0
  if (left < 1) return false
  await sql.query('update event set places_left = $2 where id = $1', [event, left - 1])
  await sql.query('insert into orders (event_id, buyer) values ($1, $2)', [event, buyer])
  return true
}

async function buySeatReading(sql: Sql, { event, buyer }: Visit, seat: string, lock = ''): Promise<boolean> {
  const { rows } = await sql.query(`select taken_by from seat where id = $1 ${lock}`, [seat])
  if (rows[0]?.taken_by !== null) return false
  await sql.query('update seat set taken_by = $2 where id = $1', [seat, buyer])
  await sql.query('insert into orders (event_id, buyer, seat_id) values ($1, $2, $3)', [event, buyer, seat])
  return true
}

const naive: Shop = {
  buyPlace: async (visit) => await buyPlaceReading(pool, visit),
  buySeat: async (visit, seat) => await buySeatReading(pool, visit, seat),
}

/** The row is locked before it is read; the next buyer of it waits for the commit. */
const withRowLock: Shop = {
  buyPlace: async (visit) =>
    await inTransaction(pool, async (client) => await buyPlaceReading(client, visit, 'for update')),
  buySeat: async (visit, seat) =>
    await inTransaction(pool, async (client) => await buySeatReading(client, visit, seat, 'for update')),
}

const serialized = async (visit: Visit, body: (client: PoolClient) => Promise<boolean>): Promise<boolean> =>
  await serialize(pool, body, () => visit.retries++)

const serializable: Shop = {
  buyPlace: async (visit) => await serialized(visit, async (client) => await buyPlaceReading(client, visit)),
  buySeat: async (visit, seat) => await serialized(visit, async (client) => await buySeatReading(client, visit, seat)),
}

/** What decides, takes and orders is one statement, and one round trip. */
const inOneStatement: Shop = {
  buyPlace: async ({ event, buyer }) => {
    const text = `
      with taken as (update event set places_left = places_left - 1 where id = $1 and places_left >= 1 returning id)
      insert into orders (event_id, buyer) select id, $2 from taken`
    return (await pool.query(text, [event, buyer])).rowCount === 1
  },
  buySeat: async ({ buyer }, seat) => {
    const text = `
      with taken as (update seat set taken_by = $2 where id = $1 and taken_by is null returning event_id, id)
      insert into orders (event_id, buyer, seat_id) select event_id, $2, id from taken`
    return (await pool.query(text, [seat, buyer])).rowCount === 1
  },
}

const places = defineStock('places', { table: 'event', resource: 'id', free: 'places_left' })
const seats = defineUnits('seats', { table: 'seat', resource: 'event_id', unit: 'id', hold: 'taken_by' })

async function openHoldfast(): Promise<Shop> {
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const db = await connectTo({ url: options.url, pool: { max: options.connections }, logger })
  const holds = await createHolds(db, { from: [places, seats], logger })
  pool = db.pool
  const order = async ({ event, buyer }: Visit, holding: Promise<Hold>): Promise<boolean> => {
    const held = await orNone(holding)
    if (held === undefined) return false
    await db.tx(async (tx) => {
      await holds.confirm(tx, held.id)
      await tx.sql`insert into orders (event_id, buyer, seat_id) values (${event}, ${buyer}, ${held.units?.[0] ?? null})`
    })
    return true
  }
  return {
    buyPlace: async (visit) => await order(visit, holds.hold(places, `${visit.event}`, { quantity: 1 })),
    buySeat: async (visit, seat) => await order(visit, holds.hold(seats, `${visit.event}`, { units: [seat] })),
  }
}

/** Undefined: others were first. */
async function orNone(holding: Promise<Hold>): Promise<Hold | undefined> {
  try {
    return await holding
  } catch (error) {
    if (isHoldfastError(error, 'HF_HOLDS_SOLD_OUT') || isHoldfastError(error, 'HF_HOLDS_TAKEN')) return undefined
    throw error
  }
}

const openings: Record<string, () => Shop | Promise<Shop>> = {
  naive: () => naive,
  'FOR UPDATE': () => withRowLock,
  serializable: () => serializable,
  'one statement': () => inOneStatement,
  protected: openHoldfast,
}
shop = await openings[options.side]?.()
await link.call('serving')
