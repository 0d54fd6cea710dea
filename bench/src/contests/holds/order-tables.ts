import type { Db } from 'holdfast'

export const EVENTS = 1_000
const PLACES = 1_000_000

/** Those of the box office that one order writes to, with their keys and indexes. */
const tables = `
  create table if not exists bench_standing_stock (
    event_id bigint primary key, remaining integer not null check (remaining >= 0)) with (fillfactor = 50);
  create table if not exists bench_orders (
    id bigint generated always as identity primary key, customer_id bigint not null,
    event_id bigint not null references bench_standing_stock, status text not null check (status in ('pending', 'paid')),
    standing_quantity integer not null check (standing_quantity >= 0), total_cents integer not null,
    currency char(3) not null, payment_key uuid not null default gen_random_uuid() unique,
    created_at timestamptz(3) not null default now());
  create index if not exists bench_orders_customer on bench_orders (customer_id, id desc);
  create index if not exists bench_orders_event on bench_orders (event_id);
  create table if not exists bench_order_items (
    order_id bigint not null references bench_orders, line integer not null, quantity integer not null,
    price_cents integer not null, primary key (order_id, line))`

export async function createOrderTables(db: Db): Promise<void> {
  for (const text of tables.split(';')) await db.query(text)
}

/** As before the first order. */
export async function resetOrders(db: Db): Promise<void> {
  await db.query('truncate bench_standing_stock, bench_orders, bench_order_items, holdfast.idempotency_answers')
  await db.query('insert into bench_standing_stock select n, $2 from generate_series(1, $1::int) n', [EVENTS, PLACES])
}

/** Throws unless every request had one effect, and where it has a key one answer. */
export async function verifyOrders(db: Db, requests: number, answers: number): Promise<void> {
  const { rows } = await db.query<Record<'orders' | 'items' | 'answers' | 'sold' | 'bought', string>>(
    `select (select count(*) from bench_orders) as orders, (select count(*) from bench_order_items) as items,
            (select count(*) from holdfast.idempotency_answers) as answers,
            (select $1::bigint * count(*) - sum(remaining) from bench_standing_stock) as sold,
            (select coalesce(sum(standing_quantity), 0) from bench_orders) as bought`,
    [PLACES],
  )
  const found = rows[0]
  const [orders, items, stored] = [found?.orders, found?.items, found?.answers].map(Number)
  if (orders === requests && items === requests && stored === answers && found?.sold === found?.bought) return
  throw new Error(`${requests} requests, ${answers} with a key, and the tables say: ${JSON.stringify(found)}.`)
}
