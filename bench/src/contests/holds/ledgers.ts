import pg from 'pg'
import { connect } from 'holdfast'
import { EVENT, STOCK } from './settings.js'

/** Sees to what is sold: outside of all stretches, on a connection of its own. */
export interface Ledger {
  /** As it was before the first buyer. */
  reset(): Promise<void>
  /** Throws unless exactly so many were sold, each once. */
  verify(sold: number): Promise<void>
  close(): Promise<void>
}

export type OpenLedger = (url: string, sizes?: SeatSizes) => Promise<Ledger>

/** What was sold, whoever sold it. */
interface Sales {
  table: string
  /** Rows of `id`, `quantity` of a stock, or of `id`, `seat`. */
  rows: string
  isHoldfast?: boolean
}

/** So much that it is never sold out. */
const TOTAL = 100_000_000

export interface SeatSizes {
  /** More than are sold in a stretch. */
  free: number
  /**
   * Of other events. Where nearly all of a table is free the planner takes any index, or none, and each sale reads past
   * all that were sold before it: whoever sells.
   */
  sold: number
}

const seatSizes: SeatSizes = { free: 80_000, sold: 1_200_000 }
const SEATS_OF_EVENT = 30_000

const stockTables = `
  create table if not exists bench_stock (id bigint primary key, free integer not null check (free >= 0));
  create table if not exists bench_stock_orders (
    id bigint generated always as identity primary key, stock_id bigint not null, quantity integer not null,
    created_at timestamptz not null default now())`

const seatTables = `
  create table if not exists bench_seats (id bigint primary key, event_id bigint not null, taken_by bigint);
  create index if not exists bench_seats_free on bench_seats (event_id, id) where taken_by is null;
  create sequence if not exists bench_seat_order_ids;
  create table if not exists bench_seat_orders (
    id bigint primary key, seat_id bigint not null, created_at timestamptz not null default now())`

export const openHeldStock: OpenLedger = async (url) =>
  await openStock(url, { table: 'holdfast.holds_taken', rows: 'holdfast.holds_taken', isHoldfast: true })

export const openOrderedStock: OpenLedger = async (url) =>
  await openStock(url, { table: 'bench_stock_orders', rows: 'bench_stock_orders' })

export const openHeldSeats: OpenLedger = async (url, sizes) =>
  await openSeats(url, sizes, {
    table: 'holdfast.holds_taken',
    rows: '(select id, unnest(units)::bigint as seat from holdfast.holds_taken)',
    isHoldfast: true,
  })

export const openOrderedSeats: OpenLedger = async (url, sizes) =>
  await openSeats(url, sizes, {
    table: 'bench_seat_orders',
    rows: '(select id, seat_id as seat from bench_seat_orders)',
  })

async function openStock(url: string, sales: Sales): Promise<Ledger> {
  const client = await openTables(url, stockTables, sales)
  return {
    reset: async () => {
      await client.query(`truncate bench_stock, ${sales.table}`)
      await client.query(`insert into bench_stock values (${STOCK}, ${TOTAL})`)
    },
    verify: async (done) => {
      const counts = await readCounts(
        client,
        `select ${TOTAL} - min(s.free) as gone, (select count(*) from ${sales.rows}) as rows,
                (select coalesce(sum(quantity), 0) from ${sales.rows}) as quantity from bench_stock s`,
      )
      demandAll(done, counts)
    },
    close: async () => await client.end(),
  }
}

async function openSeats(url: string, { free, sold } = seatSizes, sales: Sales): Promise<Ledger> {
  const client = await openTables(url, seatTables, sales)
  await client.query(
    `insert into bench_seats select n, ${EVENT} + 1 + n / ${SEATS_OF_EVENT}, 0 from generate_series(1, ${sold}) n
      where not exists (select from bench_seats)`,
  )
  return {
    reset: async () => {
      await client.query(`truncate ${sales.table}`)
      await client.query(`delete from bench_seats where event_id = ${EVENT}`)
      await client.query(
        `insert into bench_seats select ${sold} + n, ${EVENT}, null from generate_series(1, ${free}) n`,
      )
      await client.query('vacuum analyze bench_seats')
    },
    verify: async (done) => {
      const counts = await readCounts(
        client,
        `select count(*) as rows, count(distinct t.seat) as seats, count(s.id) as matching,
                (select count(*) from bench_seats where event_id = ${EVENT} and taken_by is not null) as gone
           from ${sales.rows} t left join bench_seats s on s.id = t.seat and s.taken_by = t.id`,
      )
      demandAll(done, counts)
    },
    close: async () => await client.end(),
  }
}

async function openTables(url: string, tables: string, { isHoldfast = false }: Sales): Promise<pg.Client> {
  if (isHoldfast) {
    const db = await connect({ url })
    await db.migrate()
    await db.close()
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(tables)
  return client
}

async function readCounts(client: pg.Client, text: string): Promise<Record<string, number>> {
  const { rows } = await client.query<Record<string, string>>(text)
  return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, count]) => [name, Number(count)]))
}

function demandAll(sold: number, counts: Readonly<Record<string, number>>): void {
  if (Object.values(counts).every((count) => count === sold)) return
  const described = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
  throw new Error(`${sold} were sold, and the tables say: ${described.join(', ')}.`)
}
