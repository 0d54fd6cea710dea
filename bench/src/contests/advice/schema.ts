import type { Db } from 'holdfast'

const FULL = {
  tenants: 500,
  customers: 100_000,
  products: 30_000,
  product_tags: 120_000,
  orders: 300_000,
  order_items: 900_000,
  trades: 1_800_000,
  events: 300_000,
  messages: 300_000,
  tasks: 200_000,
  audit_log: 300_000,
}

export type Sizes = Readonly<Record<keyof typeof FULL, number>>

export function chooseSizes(isQuick: boolean): Sizes {
  const share = isQuick ? 0.2 : 1
  return Object.fromEntries(Object.entries(FULL).map(([name, rows]) => [name, Math.round(rows * share)])) as never
}

/** Few have most of it: 1 to `most`, the small numbers far more often. */
const skewed = (most: number | string) => `1 + floor(${most} * power(random(), 3))::int`
const even = (most: number | string) => `1 + floor(${most} * random())::int`
const past = (days: number) => `timestamptz '2026-11-01' - random() * interval '${days} days'`
const oneOf = (...words: string[]) => `(array['${words.join("', '")}'])[1 + floor(${words.length} * random())::int]`

/**
 * A shop with many tenants, as such schemas are found: primary keys and a few indexes, the others forgotten. Not logged,
 * which changes no read. The same rows each time: one seed, one session, no parallel worker.
 */
export async function createSchema(db: Db, sizes: Sizes): Promise<void> {
  const statements = [
    `select setseed(0.42)`,
    `create unlogged table tenants as select n as id, 'tenant ' || n as name, ${oneOf('free', 'pro', 'team')} as plan from generate_series(1, ${sizes.tenants}) n`,
    `create unlogged table customers as select n as id, ${skewed(sizes.tenants)} as tenant_id, 'user' || n || '@mail' || n % 50 || '.example' as email,
       'First' || n % 977 || ' Last' || n % 4999 as name, ${oneOf('DE', 'FR', 'US', 'GB', 'IT', 'ES', 'NL', 'PL')} as country,
       ('+49' || (1000000 + n * 7))::varchar(20) as phone, random() < 0.95 as is_active, ${past(900)} as created_at from generate_series(1, ${sizes.customers}) n`,
    `create unlogged table products as select n as id, 'SKU-' || md5(n::text) as sku, 'Product ' || md5((n * 3)::text) as name, ${even(200)} as category_id,
       (random() * 500)::numeric(10, 2) as price, array['t' || n % 400, 'u' || n % 37] as tags,
       jsonb_build_object('colour', ${oneOf('red', 'green', 'blue', 'black')}, 'batch', n % 1500, 'size', n % 12) as attrs from generate_series(1, ${sizes.products}) n`,
    `create unlogged table product_tags as select distinct ${even(sizes.products)} as product_id, ${even(3_000)} as tag_id from generate_series(1, ${sizes.product_tags}) n`,
    `create unlogged table orders as select n as id, ${even(sizes.customers)} as customer_id, ${skewed(sizes.tenants)} as tenant_id,
       case when random() < 0.005 then ${oneOf('pending', 'failed')} else ${oneOf('paid', 'shipped', 'shipped', 'shipped', 'returned')} end as status,
       (random() * 900)::numeric(10, 2) as total, timestamptz '2026-11-01' - (${sizes.orders} - n) * interval '2 minutes' as created_at,
       case when random() < 0.7 then ${past(500)} end as shipped_at, md5(n::text)::uuid as ref, repeat('note ', 12) as note from generate_series(1, ${sizes.orders}) n`,
    `create unlogged table order_items as select n as id, ${even(sizes.orders)} as order_id, ${skewed(sizes.products)} as product_id,
       ${even(5)} as quantity, (random() * 100)::numeric(10, 2) as price from generate_series(1, ${sizes.order_items}) n`,
    // One account with 8 % of all, the others with about thirty rows each: the story.
    `create unlogged table trades as select n as id, case when random() < 0.08 then 1 else ${even(sizes.trades / 30)} + 1 end as user_id,
       ${oneOf('BTC', 'ETH', 'ABC', 'XYZ')} as symbol, random() * 10 as qty, random() * 1000 as price, ${oneOf('new', 'done', 'done', 'done')} as status,
       repeat('raw ', 80) as raw, ${past(700)} as created_at from generate_series(1, ${sizes.trades}) n`,
    `create unlogged table events as select n as id, ${skewed(sizes.tenants)} as tenant_id, ${oneOf('view', 'view', 'view', 'click', 'click', 'signup', 'refund')} as kind,
       ${even(sizes.customers)} as user_id, jsonb_build_object('order_id', ${even(sizes.orders)}, 'page', n % 300) as payload,
       ${past(200)} as occurred_at from generate_series(1, ${sizes.events}) n`,
    `create unlogged table messages as select n as id, ${skewed(20_000)} as conversation_id, ${even(sizes.customers)} as sender_id, repeat('words ', 20) as body,
       ${past(365)} as created_at, case when random() < 0.97 then ${past(300)} end as read_at,
       case when random() < 0.002 then ${past(60)} end as deleted_at from generate_series(1, ${sizes.messages}) n`,
    `create unlogged table tasks as select n as id, ${oneOf('mail', 'image', 'report', 'sync')} as queue,
       case when random() < 0.004 then 'pending' when random() < 0.01 then 'failed' else 'done' end as state, ${even(5)} as priority, ${past(90)} as run_at,
       0 as attempts, repeat('payload ', 10) as payload from generate_series(1, ${sizes.tasks}) n`,
    `create unlogged table audit_log as select n as id, ${skewed(5_000)} as actor_id, ${oneOf('create', 'update', 'update', 'delete')} as action,
       ${oneOf('order', 'customer', 'product')} as entity_type, ${even(100_000)} as entity_id, ${past(400)} as at,
       repeat('changed ', 12) as diff from generate_series(1, ${sizes.audit_log}) n`,
    ...[
      'tenants',
      'customers',
      'products',
      'orders',
      'order_items',
      'trades',
      'events',
      'messages',
      'tasks',
      'audit_log',
    ].map((table) => `alter table ${table} add primary key (id)`),
    `alter table product_tags add primary key (product_id, tag_id)`,
    `create index on orders (customer_id)`,
    `create index on customers (tenant_id)`,
    `create index on trades (user_id)`,
    `create view open_orders as select o.id, o.tenant_id, o.total, o.created_at, c.email from orders o join customers c on c.id = o.customer_id where o.status = 'pending'`,
  ]
  // One session from the first to the last: the seed is a session's.
  await db.tx(
    async (tx) => {
      for (const text of statements) await tx.query(text)
    },
    { deadlineMs: 300_000 },
  )
  await db.query('vacuum analyze', [], { deadlineMs: 120_000 })
}
